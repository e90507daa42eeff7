#include "width.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

namespace shoal::cli {
namespace {

struct Range {
    char32_t first, last;
};

constexpr Range no_width[] = {
    {0x300, 0x36F},     {0x483, 0x489},    {0x591, 0x5BD},   {0x5BF, 0x5BF},   {0x5C1, 0x5C2},
    {0x5C4, 0x5C5},     {0x5C7, 0x5C7},    {0x610, 0x61A},   {0x64B, 0x65F},   {0x670, 0x670},
    {0x6D6, 0x6DC},     {0x6DF, 0x6E4},    {0x6E7, 0x6E8},   {0x6EA, 0x6ED},   {0x711, 0x711},
    {0x730, 0x74A},     {0x7A6, 0x7B0},    {0x8D3, 0x902},   {0x93A, 0x93A},   {0x93C, 0x93C},
    {0x941, 0x948},     {0x94D, 0x94D},    {0x951, 0x957},   {0x981, 0x981},   {0x9BC, 0x9BC},
    {0x9C1, 0x9C4},     {0x9CD, 0x9CD},    {0xA01, 0xA02},   {0xA3C, 0xA51},   {0xB01, 0xB01},
    {0xC3E, 0xC40},     {0xC46, 0xC56},    {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},
    {0xEB1, 0xEB1},     {0xEB4, 0xEBC},    {0xEC8, 0xECD},   {0xF71, 0xF7E},   {0xF80, 0xF84},
    {0x1160, 0x11FF},   {0x135D, 0x135F},  {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200D},
    {0x20D0, 0x20F0},   {0x302A, 0x302D},  {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
    {0x1F3FB, 0x1F3FF}, {0xE0100, 0xE01EF}};

constexpr Range two_columns[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},
    {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},
    {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},   {0x26D4, 0x26D4},
    {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},   {0x26FA, 0x26FD},
    {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274E},
    {0x2753, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27BF},   {0x2B1B, 0x2B1C},
    {0x2B50, 0x2B55},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF}, {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004},
    {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320},
    {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA},
    {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F3FA},
    {0x1F400, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2},
    {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}};

template <std::size_t Size>
bool within(const Range (&ranges)[Size], char32_t point) {
    const auto* found =
        std::lower_bound(std::begin(ranges), std::end(ranges), point,
                         [](const Range& range, char32_t value) { return range.last < value; });
    return found != std::end(ranges) && point >= found->first;
}

std::uint8_t byte_at(std::string_view text, std::size_t index) {
    return static_cast<std::uint8_t>(text[index]);
}

bool continues(std::string_view text, std::size_t index) {
    return index < text.size() && (byte_at(text, index) & 0xC0U) == 0x80;
}

// First character and its length; malformed bytes stand alone. Lenient: names and keys have been
// checked elsewhere, here it only matters never to read past the end.
std::pair<char32_t, std::size_t> decode(std::string_view text) {
    const std::uint8_t lead = byte_at(text, 0);
    const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1) {
        return {lead, 1};
    }
    char32_t point = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!continues(text, i)) {
            return {U'?', 1};
        }
        point = (point << 6U) | (byte_at(text, i) & 0x3FU);
    }
    return {point, length};
}

}  // namespace

int char_width(char32_t point) {
    if (point < 0x300) {
        return 1;
    }
    return within(no_width, point) ? 0 : within(two_columns, point) ? 2 : 1;
}

std::size_t width(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto [point, length] = decode(text);
        columns += static_cast<std::size_t>(char_width(point));
        text.remove_prefix(length);
    }
    return columns;
}

std::size_t cluster_length(std::string_view text) {
    if (text.empty()) {
        return 0;
    }
    std::size_t length = decode(text).second;
    while (length < text.size()) {
        const auto [point, more] = decode(text.substr(length));
        if (char_width(point) != 0) {
            break;
        }
        length += more;
    }
    return length;
}

std::size_t previous_cluster(std::string_view text, std::size_t position) {
    while (position > 0) {
        --position;
        while (position > 0 && continues(text, position)) {
            --position;
        }
        if (char_width(decode(text.substr(position)).first) != 0) {
            break;
        }
    }
    return position;
}

std::string_view fit_front(std::string_view text, std::size_t columns) {
    std::size_t end = 0;
    std::size_t used = 0;
    while (end < text.size()) {
        const std::size_t length = cluster_length(text.substr(end));
        used += width(text.substr(end, length));
        if (used > columns) {
            break;
        }
        end += length;
    }
    return text.substr(0, end);
}

std::string_view fit_back(std::string_view text, std::size_t columns) {
    std::size_t start = text.size();
    std::size_t used = 0;
    while (start > 0) {
        const std::size_t before = previous_cluster(text, start);
        used += width(text.substr(before, start - before));
        if (used > columns) {
            break;
        }
        start = before;
    }
    return text.substr(start);
}

std::string shorten(std::string_view text, std::size_t columns, std::string_view ellipsis) {
    if (width(text) <= columns) {
        return std::string(text);
    }
    const std::size_t dots = width(ellipsis);
    if (columns <= dots) {
        return std::string(fit_front(text, columns));
    }
    // The end tells more about a file than the beginning does: it has the larger half.
    const std::size_t front = (columns - dots) / 2;
    return std::string(fit_front(text, front)) + std::string(ellipsis) +
           std::string(fit_back(text, columns - dots - front));
}

std::string pad(std::string_view text, std::size_t columns) {
    const std::size_t used = width(text);
    return std::string(text) + std::string(used < columns ? columns - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t columns) {
    const std::size_t used = width(text);
    return std::string(used < columns ? columns - used : 0, ' ') + std::string(text);
}

}  // namespace shoal::cli
