// Suggestions: the known word that a mistyped one probably means.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
// Takes |a| * |b| steps: for words, not for texts.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The closest of `known` when it is close enough to be meant: a third of its letters may differ.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

// "; did you mean 'x'?", or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string>& known,
                       std::string_view prefix = "");

}  // namespace shoal::cli
