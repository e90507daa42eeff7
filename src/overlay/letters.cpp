#include "overlay/letters.hpp"

#include <array>

namespace shoal::overlay {

namespace {

// How many bytes a letter takes that begins with this one; 1 when it begins none.
std::size_t length_of(unsigned char lead) {
    if (lead >= 0xf0 && lead < 0xf8) {
        return 4;
    }
    return lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc0 && lead < 0xe0 ? 2 : 1;
}

struct Range {
    char32_t first, last;
    char32_t distance;  // to the small letter; 1 with `pairs`: every second one is a capital
    bool pairs;
};

// Unicode's simple case folding of the scripts that file names are mostly written in.
constexpr std::array<Range, 12> capitals{{
    {U'A', U'Z', 32, false},
    {0xc0, 0xd6, 32, false},
    {0xd8, 0xde, 32, false},
    {0x100, 0x12f, 1, true},
    {0x132, 0x137, 1, true},
    {0x139, 0x148, 1, true},
    {0x14a, 0x177, 1, true},
    {0x179, 0x17e, 1, true},
    {0x391, 0x3ab, 32, false},
    {0x400, 0x40f, 80, false},
    {0x410, 0x42f, 32, false},
    {0x1e00, 0x1e95, 1, true},
}};

}  // namespace

std::u32string decode(std::string_view utf8) {
    std::u32string text;
    text.reserve(utf8.size());
    while (!utf8.empty()) {
        const auto lead = static_cast<unsigned char>(utf8.front());
        std::size_t length = length_of(lead);
        length = length > utf8.size() ? 1 : length;
        constexpr std::array<unsigned char, 5> lead_bits{0, 0xff, 0x1f, 0x0f, 0x07};
        char32_t letter = lead & lead_bits[length];
        for (std::size_t i = 1; i < length; ++i) {
            letter = (letter << 6U) | (static_cast<unsigned char>(utf8[i]) & 0x3fU);
        }
        text.push_back(letter);
        utf8.remove_prefix(length);
    }
    return text;
}

char32_t fold(char32_t letter) {
    for (const Range& range : capitals) {
        if (letter < range.first) {
            break;
        }
        if (letter <= range.last) {
            const bool small = range.pairs && (letter - range.first) % 2 != 0;
            return small ? letter : letter + range.distance;
        }
    }
    return letter;
}

std::u32string folded(std::u32string text) {
    for (char32_t& letter : text) {
        letter = fold(letter);
    }
    return text;
}

}  // namespace shoal::overlay
