// Found: results of a search, by their numbers and by their names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

// "#3", "#1-9", "#1,#4-6": the numbers, each once, as written; nullopt for anything else, and for
// a range that goes backwards or over a thousand.
std::optional<std::vector<std::size_t>> parse_numbers(std::string_view text);

// "#0" and "#5-2" are meant as numbers all the same.
bool looks_like_numbers(std::string_view text);

// A search for one file by its name.
peer::SearchOrder search_for_name(const std::string& name);

// The content that most of those hosts hold who have a file of that name: its path, or the last
// part of it.
struct Choice {
    const peer::FoundFile* file{nullptr};
    // With a file: that content, then the others. Without: those between which there is a tie.
    std::vector<peer::VersionInfo> versions;
    // When nothing else is called so: the nearest whose root is not known yet.
    const peer::FoundFile* pending{nullptr};
};
Choice choose(const peer::SearchResults& results, const std::string& name,
              const std::string& root_prefix);

}  // namespace shoal::cli
