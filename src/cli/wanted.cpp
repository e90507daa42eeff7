#include "wanted.hpp"

#include <algorithm>
#include <cctype>

namespace shoal::cli {
namespace {

constexpr std::size_t digits_min = 8;
constexpr std::size_t digits_max = 64;

bool is_root_prefix(std::string_view digits) {
    return digits.size() >= digits_min && digits.size() <= digits_max &&
           std::all_of(digits.begin(), digits.end(),
                       [](unsigned char c) { return std::isxdigit(c) != 0; });
}

}  // namespace

Wanted wanted_literally(std::string_view name) {
    return {std::string(name), std::string(name), "", ""};
}

Wanted wanted(std::string_view text) {
    const std::size_t at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || !is_root_prefix(text.substr(at + 1))) {
        return wanted_literally(text);
    }
    Wanted split = wanted_literally(text);
    split.literal = split.name;
    split.name.resize(at);
    split.root_prefix = text.substr(at + 1);
    for (char& digit : split.root_prefix) {
        digit = static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
    }
    return split;
}

}  // namespace shoal::cli
