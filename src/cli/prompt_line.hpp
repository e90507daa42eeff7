// What one line at the prompt means.
//
// A line is a filename, blanks and all, unless its first word is a command. Quotes around the
// whole keep blanks at its ends, make a command's word a name and keep '@' and '#' literal.
// #3 and #1-9 are results of the last search.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/cli/options.hpp"
#include "wanted.hpp"

namespace shoal::cli {

struct PromptLine {
    enum class Verb {
        nothing,
        get,
        get_found,
        list,
        search,
        peers,
        status,
        limit,
        cancel,
        help,
        quit,
        wrong
    };
    Verb verb{Verb::nothing};
    Wanted wanted;                     // get
    bool plan{false};                  // get: only tell who holds what
    bool explain{false};               // get: tell where the time went
    std::vector<std::size_t> numbers;  // get_found: results of the last search, from 1
    SearchRequest search;
    std::string argument;  // list: prefix; cancel: name, number or nothing; help: command
    std::optional<std::uint64_t> up, down;  // limit: bytes per second, 0 for unlimited
    std::string error;                      // wrong: what is, and what to write instead
};

PromptLine parse_prompt_line(std::string_view line);

std::vector<std::string> prompt_commands();
// About one command, or about all with an empty word.
std::string prompt_help(std::string_view command);

}  // namespace shoal::cli
