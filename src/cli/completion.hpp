// Completion: what Tab adds to a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

struct Completion {
    std::string insert;                // what all candidates have in common beyond what is typed
    std::vector<std::string> matches;  // sorted, each once
};

// `before_cursor` is a line of the prompt up to its cursor, `names` what the swarm holds. The
// first word may be a command, too.
Completion complete(std::string_view before_cursor, const std::vector<std::string>& names);

// The matches side by side, at most `rows_max` rows of at most `columns`.
std::string match_table(const std::vector<std::string>& matches, std::size_t columns,
                        std::size_t rows_max);

}  // namespace shoal::cli
