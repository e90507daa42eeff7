// Columns: how wide text stands on a terminal, and how to cut it without breaking a character.
//
// Text is UTF-8; a byte that is none counts as one column.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shoal::cli {

// 0 for combining marks and joiners, 2 for wide (East Asian, most emoji), else 1.
// After Unicode's EastAsianWidth and general category Mn/Me, in ranges, not in every detail.
int char_width(char32_t point);

std::size_t width(std::string_view text);

// Bytes of the first character together with the marks that stand on it; 0 for "".
std::size_t cluster_length(std::string_view text);
// Start of the cluster that ends at or before `position`.
std::size_t previous_cluster(std::string_view text, std::size_t position);

// The longest beginning, or end, that fits `columns`.
std::string_view fit_front(std::string_view text, std::size_t columns);
std::string_view fit_back(std::string_view text, std::size_t columns);

// At most `columns` wide: the middle gives way to `ellipsis`.
std::string shorten(std::string_view text, std::size_t columns, std::string_view ellipsis);

// Blanks behind, or in front, up to `columns`.
std::string pad(std::string_view text, std::size_t columns);
std::string pad_left(std::string_view text, std::size_t columns);

}  // namespace shoal::cli
