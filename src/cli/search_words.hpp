// Words of a search: its options, the same ones for `shoal search` and at the prompt.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shoal/cli/options.hpp"

namespace shoal::cli {

struct SearchOption {
    const char* name;      // without dashes
    const char* argument;  // nullptr for a switch
    const char* help;
    // The error says only what is allowed.
    Status (*set)(SearchRequest& request, const std::string& value);
};

std::span<const SearchOption> search_options();
Status set_search_option(SearchRequest& request, std::string_view name, const std::string& value);

// What follows `search` at the prompt: options, and the question, blanks and all. "--" ends the
// options; quotes around the question keep blanks at its ends.
Result<SearchRequest> parse_search_line(std::string_view rest);

// Whether anything is looked for; the error says how it is written.
Status check_search(const SearchRequest& request);

}  // namespace shoal::cli
