#include "shoal/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <system_error>

namespace shoal::text {
namespace {

struct Decoded {
    char32_t point{};
    std::size_t length{0};  // 0: the first byte starts no valid sequence
};

unsigned char_at(std::string_view raw, std::size_t index) {
    return static_cast<unsigned char>(raw[index]);
}

// One character off the front of a non-empty `raw`, by the table of RFC 3629 section 4.
Decoded decode_first(std::string_view raw) {
    const unsigned lead = char_at(raw, 0);
    if (lead < 0x80) {
        return {lead, 1};
    }
    const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 0 || lead > 0xF4 || raw.size() < length) {
        return {};
    }
    char32_t point = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((char_at(raw, i) & 0xC0U) != 0x80) {
            return {};
        }
        point = (point << 6U) | (char_at(raw, i) & 0x3FU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (overlong || surrogate || point > 0x10FFFF) {
        return {};
    }
    return {point, length};
}

bool is_control(char32_t point) { return point < 0x20 || point == 0x7F; }

struct Range {
    char32_t first, last;
};

template <std::size_t Size>
bool within(const Range (&ranges)[Size], char32_t point) {
    return std::any_of(std::begin(ranges), std::end(ranges), [point](const Range& range) {
        return point >= range.first && point <= range.last;
    });
}

// Beyond ASCII: what can reorder or break the text around it, and what looks like nothing
// (Unicode's Default_Ignorable_Code_Point, interlinear marks, and blank signs that are no spaces).
constexpr Range deceptive[] = {
    {0x80, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},     {0x61C, 0x61C},
    {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200F},
    {0x2028, 0x202E},   {0x2060, 0x206F},   {0x2800, 0x2800},   {0x3164, 0x3164},
    {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D159, 0x1D159}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
constexpr Range pictures[] = {
    {0xA9, 0xA9},     {0xAE, 0xAE},     {0x203C, 0x203C}, {0x2049, 0x2049},
    {0x2122, 0x2122}, {0x2139, 0x2139}, {0x2190, 0x21FF}, {0x2300, 0x23FF},
    {0x24C2, 0x24C2}, {0x25A0, 0x27BF}, {0x2934, 0x2935}, {0x2B00, 0x2BFF},
    {0x3030, 0x3030}, {0x303D, 0x303D}, {0x3297, 0x3299}, {0x1F000, 0x1FAFF}};
constexpr Range ideographs[] = {{0x3400, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x3FFFF}};
// Whose letters change with what they are joined to: Arabic, Syriac and their kind, Indic, Tibetan,
// Burmese, Khmer, Mongolian.
constexpr Range joining[] = {{0x620, 0x6FF},   {0x700, 0x8FF},   {0x900, 0xDFF},
                             {0xF00, 0x109F},  {0x1780, 0x17B3}, {0x17B6, 0x180A},
                             {0x1820, 0x18AA}, {0xA840, 0xA877}};

constexpr char32_t zero_width_non_joiner = 0x200C;
constexpr char32_t zero_width_joiner = 0x200D;
constexpr char32_t emoji_style = 0xFE0F;
constexpr char32_t keycap = 0x20E3;

// Whether `point` shows, between the one that stands before it (0: none that shows) and the next.
bool is_shown(char32_t before, char32_t point, char32_t next) {
    if (!within(deceptive, point)) {
        return true;
    }
    if (point == zero_width_joiner && (within(pictures, before) || before == emoji_style) &&
        within(pictures, next)) {
        return true;
    }
    if (point == zero_width_joiner || point == zero_width_non_joiner) {
        return within(joining, before) && within(joining, next);
    }
    if (point >= 0xFE00 && point <= 0xFE0F) {
        const bool key = before == '#' || before == '*' || (before >= '0' && before <= '9');
        return within(pictures, before) || within(ideographs, before) ||
               (key && point == emoji_style && next == keycap);
    }
    return point >= 0xE0100 && point <= 0xE01EF && within(ideographs, before);
}

// show(bytes) or hide(point) for each character, runs of plain ones at once, hide_byte(byte) for
// what is none.
template <typename Show, typename Hide, typename HideByte>
void walk(std::string_view raw, Show show, Hide hide, HideByte hide_byte) {
    char32_t before = 0;
    while (!raw.empty()) {
        const auto odd = std::find_if(raw.begin(), raw.end(),
                                      [](char sign) { return sign < 0x20 || sign >= 0x7F; });
        if (odd != raw.begin()) {  // printable ASCII shows, whatever stands around it
            const auto plain = static_cast<std::size_t>(odd - raw.begin());
            show(raw.substr(0, plain));
            before = char_at(raw, plain - 1);
            raw.remove_prefix(plain);
            continue;
        }
        const Decoded now = decode_first(raw);
        const std::string_view rest = raw.substr(std::max<std::size_t>(now.length, 1));
        if (now.length == 0) {
            hide_byte(char_at(raw, 0));
            before = 0;
        } else {
            const char32_t next = rest.empty() ? 0 : decode_first(rest).point;
            const bool shown = !is_control(now.point) && is_shown(before, now.point, next);
            shown ? show(raw.substr(0, now.length)) : hide(now.point);
            before = shown ? now.point : 0;
        }
        raw = rest;
    }
}

template <typename... Args>
std::string format(const char* pattern, Args... args) {
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), pattern, args...);
    return buffer.data();
}

// Three significant figures, and no zeros at the end of a fraction.
std::string three_figures(double value) {
    std::string text = format("%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') {
            text.pop_back();
        }
    }
    return text;
}

struct RateUnit {
    std::string_view name;
    double bytes;
};
constexpr RateUnit rate_units[] = {{"", 1},
                                   {"B", 1},
                                   {"KiB", 1024.0},
                                   {"MiB", 1048576.0},
                                   {"GiB", 1073741824.0},
                                   {"kB", 1e3},
                                   {"KB", 1e3},
                                   {"MB", 1e6},
                                   {"GB", 1e9},
                                   {"kbit", 1e3 / 8},
                                   {"Kbit", 1e3 / 8},
                                   {"Mbit", 1e6 / 8},
                                   {"Gbit", 1e9 / 8}};
constexpr double rate_max = 1e15;  // far above any link, far below what overflows

Error bad_rate(std::string_view word, std::string_view why) {
    return {ErrorKind::bad_input, "'" + escape(word) + "' is not a rate: " + std::string(why) +
                                      "; write for example 16MiB, 1.5MiB/s, 100Mbit, or off"};
}

}  // namespace

std::string escape(std::string_view raw) {
    std::string shown;
    shown.reserve(raw.size());
    const auto hide_byte = [&shown](unsigned byte) { shown += format("\\x%02X", byte); };
    walk(
        raw, [&shown](std::string_view bytes) { shown += bytes; },
        [&](char32_t point) {
            is_control(point) ? hide_byte(static_cast<unsigned>(point))
                              : void(shown += format("\\u{%04X}", static_cast<unsigned>(point)));
        },
        hide_byte);
    return shown;
}

std::string escape_json(std::string_view raw) {
    std::string body;
    body.reserve(raw.size());
    const auto unit = [&body](char32_t code) {
        body += format("\\u%04x", static_cast<unsigned>(code));
    };
    walk(
        raw,
        [&body](std::string_view bytes) {
            for (const char sign : bytes) {
                body += sign == '"' || sign == '\\' ? "\\" : "";
                body += sign;
            }
        },
        [&](char32_t point) {
            constexpr char32_t beyond = 0x10000;
            if (point < beyond) {
                return unit(point);
            }
            unit(0xD800 + ((point - beyond) >> 10U));
            unit(0xDC00 + ((point - beyond) & 0x3FFU));
        },
        // JSON has no bytes: they stand there as escape() shows them.
        [&body](unsigned byte) { body += format("\\\\x%02X", byte); });
    return body;
}

std::string_view cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) {
        return text;
    }
    std::size_t end = bytes_max;
    for (std::size_t back = 0; back < 4 && back <= bytes_max; ++back) {
        const bool continues = (char_at(text, bytes_max - back) & 0xC0U) == 0x80;
        if (!continues) {
            end = bytes_max - back;
            break;
        }
    }
    return text.substr(0, end);
}

bool is_utf8(std::string_view raw) {
    while (!raw.empty()) {
        const Decoded next = decode_first(raw);
        if (next.length == 0) {
            return false;
        }
        raw.remove_prefix(next.length);
    }
    return true;
}

std::string size(std::uint64_t bytes) {
    if (bytes < 1024) {
        return std::to_string(bytes) + " B";
    }
    static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1023.5 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    return three_figures(value) + " " + units[unit];
}

std::string rate(double bytes_per_second) {
    const bool sane = bytes_per_second > 0 && bytes_per_second < 1e18;
    return size(sane ? static_cast<std::uint64_t>(std::llround(bytes_per_second)) : 0) + "/s";
}

std::string duration(Duration span) {
    const double exact = std::max(0.0, std::chrono::duration<double>(span).count());
    if (exact < 9.95) {
        return three_figures(std::round(exact * 10) / 10) + " s";
    }
    const auto whole = static_cast<std::uint64_t>(std::llround(exact));
    struct Unit {
        std::uint64_t seconds;
        const char* name;
    };
    static constexpr Unit units[] = {{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
    const auto* large = std::find_if(std::begin(units), std::end(units) - 1,
                                     [whole](const Unit& unit) { return whole >= unit.seconds; });
    std::string shown = std::to_string(whole / large->seconds) + large->name;
    const auto* small = large + 1;
    if (small != std::end(units) && whole % large->seconds >= small->seconds) {
        shown += " " + std::to_string(whole % large->seconds / small->seconds) + small->name;
    }
    return shown;
}

Result<std::uint64_t> parse_rate(std::string_view word) {
    if (word == "off") {
        return std::uint64_t{0};
    }
    double number = 0;
    const char* end = word.data() + word.size();
    const bool digit_first = !word.empty() && word[0] >= '0' && word[0] <= '9';
    const auto parsed = std::from_chars(word.data(), end, number, std::chars_format::fixed);
    if (!digit_first || parsed.ec != std::errc{}) {
        return bad_rate(word, "it does not start with a number");
    }
    std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    if (unit.ends_with("/s")) {
        unit.remove_suffix(2);
    }
    const auto* known = std::find_if(std::begin(rate_units), std::end(rate_units),
                                     [unit](const RateUnit& one) { return one.name == unit; });
    if (known == std::end(rate_units)) {
        return bad_rate(word, "unknown unit '" + escape(unit) + "'");
    }
    const double bytes = number * known->bytes;
    if (bytes > rate_max) {
        return bad_rate(word, "too large");
    }
    if (bytes > 0 && bytes < 1) {  // would round to 0, which means unlimited
        return bad_rate(word, "less than one byte a second");
    }
    return static_cast<std::uint64_t>(bytes);
}

std::optional<std::uint64_t> parse_number(std::string_view word, std::uint64_t low,
                                          std::uint64_t high) {
    std::uint64_t number = 0;
    const char* end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number < low || number > high) {
        return std::nullopt;
    }
    return number;
}

std::string join(const std::vector<std::string>& words, std::string_view between) {
    std::string joined;
    for (const std::string& word : words) {
        joined += joined.empty() ? "" : between;
        joined += word;
    }
    return joined;
}

std::string hex(std::span<const std::uint8_t> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text += digits[byte >> 4U];
        text += digits[byte & 0xFU];
    }
    return text;
}

std::optional<std::vector<std::uint8_t>> unhex(std::string_view digits) {
    if (digits.size() % 2 != 0) {
        return std::nullopt;
    }
    std::vector<std::uint8_t> bytes(digits.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char* pair = digits.data() + 2 * i;
        const auto parsed = std::from_chars(pair, pair + 2, bytes[i], 16);
        if (parsed.ec != std::errc{} || parsed.ptr != pair + 2) {
            return std::nullopt;
        }
    }
    return bytes;
}

}  // namespace shoal::text
