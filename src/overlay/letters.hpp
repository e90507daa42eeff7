// Letters: UTF-8 to code points, and their simple case folding.
#pragma once

#include <string>
#include <string_view>

namespace shoal::overlay {

// Bytes that are no UTF-8 count as one letter each, so that nothing is lost.
std::u32string decode(std::string_view utf8);
// The small letter of a Latin, Greek or Cyrillic capital; else the same.
char32_t fold(char32_t letter);
std::u32string folded(std::u32string text);

}  // namespace shoal::overlay
