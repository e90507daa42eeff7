#include <catch2/catch.hpp>

#include "shoal/base/limits.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"

using namespace shoal;
using namespace std::string_literals;

TEST_CASE("escape keeps what people write and shows what they should not see", "[base]") {
    CHECK(text::escape("plain name.txt") == "plain name.txt");
    CHECK(text::escape("Grüße 日本 🐟") == "Grüße 日本 🐟");
    CHECK(text::escape("a\nb\r\x1b[31m\x7f"s) == "a\\x0Ab\\x0D\\x1B[31m\\x7F");
    CHECK(text::escape("\0"s) == "\\x00");
    CHECK(text::escape("\u0085") == "\\u{0085}");
    CHECK(text::escape("exe\u202Etxt") == "exe\\u{202E}txt");
    CHECK(text::escape("\xff\xc3") == "\\xFF\\xC3");
    CHECK(text::escape("\xed\xa0\x80") == "\\xED\\xA0\\x80");  // a surrogate
}

TEST_CASE("escape covers every mark that reorders or hides text, and not their neighbours",
          "[base]") {
    for (const char* mark :
         {"\u061C",     "\u200E",     "\u200F",     "\u2028",     "\u2029",     "\u202A",
          "\u202E",     "\u2066",     "\u2069",     "\uFEFF",     "\u0080",     "\u009F",
          "\u00AD",     "\u034F",     "\u115F",     "\u1160",     "\u17B4",     "\u180E",
          "\u200B",     "\u200C",     "\u200D",     "\u2060",     "\u2064",     "\u206A",
          "\u2800",     "\u3164",     "\uFE00",     "\uFE0F",     "\uFFA0",     "\uFFF9",
          "\U0001BCA0", "\U0001D173", "\U000E0001", "\U000E0041", "\U000E007F", "\U000E0100"}) {
        CAPTURE(mark);
        CHECK(text::escape(mark).starts_with("\\u{"));
        CHECK(text::escape("a"s + mark + "b").starts_with("a\\u{"));
        CHECK(text::escape("a"s + mark + "b").ends_with("}b"));
    }
    for (const char* letter :
         {"\u061B", "\u2010", "\u202F", "\u00A0", "\u1100", "\u3000", "\u2801"}) {
        CHECK(text::escape(letter) == letter);
    }
}

TEST_CASE("what looks like nothing stays where it does something", "[base]") {
    for (const char* good : {"\u2764\uFE0F", "\U0001F469\u200D\U0001F4BB", "1\uFE0F\u20E3",
                             "\U0001F468\U0001F3FD\u200D\U0001F680", "\u8FBB\U000E0100",
                             "\u0645\u06CC\u200C\u062E", "\u0915\u094D\u200D\u0937"}) {
        CHECK(text::escape(good) == good);
    }
    CHECK(text::escape("\u2764\uFE0F\uFE0F") == "\u2764\uFE0F\\u{FE0F}");
    CHECK(text::escape("1\uFE0F") == "1\\u{FE0F}");
    CHECK(text::escape("\U0001F469\u200D") == "\U0001F469\\u{200D}");
    CHECK(text::escape("\u0645\u200Ca") == "\u0645\\u{200C}a");
    CHECK(text::escape("\U0001F3F4\U000E0067") == "\U0001F3F4\\u{E0067}");
}

TEST_CASE("JSON shows what escape() shows, and can be turned back", "[base]") {
    CHECK(text::escape_json("plain \"\\\n") == "plain \\\"\\\\\\u000a");
    CHECK(text::escape_json("\x7f\u0085\u200B\U000E0041") == "\\u007f\\u0085\\u200b\\udb40\\udc41");
    CHECK(text::escape_json("Gr\u00fc\u00dfe \U0001F41F") == "Gr\u00fc\u00dfe \U0001F41F");
    CHECK(text::escape_json("\xff") == "\\\\xFF");
}

TEST_CASE("a text is cut between characters", "[base]") {
    CHECK(text::cut("abc", 3) == "abc");
    CHECK(text::cut("abcd", 3) == "abc");
    CHECK(text::cut("a\u00fc\u00fc", 2) == "a");
    CHECK(text::cut("a\u00fc\u00fc", 3) == "a\u00fc");
    CHECK(text::cut("\U0001F41F\U0001F41F", 7) == "\U0001F41F");
    CHECK(text::cut("\U0001F41F", 2).empty());
    CHECK(text::cut("\x80\x80\x80\x80\x80\x80", 5).size() == 5);
}

TEST_CASE("escape of any bytes is UTF-8 without controls, and escaping again changes nothing",
          "[base]") {
    SmallRandom random(1);
    for (int round = 0; round < 2000; ++round) {
        std::string raw(random.below(24), '\0');
        for (char& c : raw) {
            c = static_cast<char>(random.next());
        }
        const std::string shown = text::escape(raw);
        REQUIRE(text::is_utf8(shown));
        REQUIRE(text::escape(shown) == shown);
        REQUIRE(shown.find('\n') == std::string::npos);
    }
}

TEST_CASE("is_utf8 is strict", "[base]") {
    for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                             "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        CHECK(text::is_utf8(good));
    }
    for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                            "\xed\xa0\x80", "\xe1\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80", "\xff", "ok\xe2\x82"}) {
        CHECK_FALSE(text::is_utf8(bad));
    }
}

TEST_CASE("sizes have three significant figures", "[base]") {
    using limits::GiB;
    using limits::KiB;
    using limits::MiB;
    CHECK(text::size(0) == "0 B");
    CHECK(text::size(999) == "999 B");
    CHECK(text::size(1023) == "1023 B");
    CHECK(text::size(1024) == "1 KiB");
    CHECK(text::size(1536) == "1.5 KiB");
    CHECK(text::size(1270) == "1.24 KiB");
    CHECK(text::size(112 * MiB + 300 * KiB) == "112 MiB");
    CHECK(text::size(GiB * 28 / 10) == "2.8 GiB");
    CHECK(text::size(MiB - 1) == "1 MiB");  // never "1024 KiB"
    CHECK(text::size(10230 * MiB) == "9.99 GiB");
    CHECK(text::size(10236 * MiB) == "10 GiB");  // rounds up: one figure before the point more
    CHECK(text::size(UINT64_MAX) == "16 EiB");
    CHECK(text::rate(1536.2) == "1.5 KiB/s");
    CHECK(text::rate(-1) == "0 B/s");
}

TEST_CASE("durations show two units", "[base]") {
    CHECK(text::duration(-5s) == "0 s");
    CHECK(text::duration(0s) == "0 s");
    CHECK(text::duration(840ms) == "0.8 s");
    CHECK(text::duration(9960ms) == "10 s");
    CHECK(text::duration(14s) == "14 s");
    CHECK(text::duration(59700ms) == "1 min");
    CHECK(text::duration(200s) == "3 min 20 s");
    CHECK(text::duration(2h + 5min + 9s) == "2 h 5 min");
    CHECK(text::duration(2h + 9s) == "2 h");
    CHECK(text::duration(75h) == "3 d 3 h");
}

TEST_CASE("rates in every unit", "[base]") {
    const auto rate = [](std::string_view word) { return text::parse_rate(word).value(); };
    CHECK(rate("0") == 0);
    CHECK(rate("off") == 0);
    CHECK(rate("1000") == 1000);
    CHECK(rate("7B/s") == 7);
    CHECK(rate("512KiB") == 512 * 1024);
    CHECK(rate("16MiB/s") == 16 * 1024 * 1024);
    CHECK(rate("1.5MiB") == 1536 * 1024);
    CHECK(rate("2GiB") == 2 * limits::GiB);
    CHECK(rate("2kB") == 2000);
    CHECK(rate("2MB") == 2'000'000);
    CHECK(rate("3GB") == 3'000'000'000);
    CHECK(rate("8kbit") == 1000);
    CHECK(rate("100Mbit") == 12'500'000);
    CHECK(rate("1Gbit/s") == 125'000'000);
}

TEST_CASE("a bad rate names the word and shows good ones", "[base]") {
    for (const char* word : {"", "fast", "-1", "+1", "MiB", "1Mb", "1 MiB", "1MiB/h", "1e9", "inf",
                             "nan", "0x10", "99999999GiB", "0.1", "1.2.3"}) {
        const auto rate = text::parse_rate(word);
        INFO(word);
        REQUIRE_FALSE(rate.ok());
        CHECK(rate.error().kind == ErrorKind::bad_input);
        CHECK(rate.error().message.find("'" + std::string(word) + "'") == 0);
        CHECK(rate.error().message.find("16MiB") != std::string::npos);
    }
    CHECK(text::parse_rate("1\x1bMiB").error().message.find('\x1b') == std::string::npos);
}

TEST_CASE("parse_number takes whole decimal numbers in range", "[base]") {
    CHECK(text::parse_number("0", 0, 9) == 0U);
    CHECK(text::parse_number("65535", 1, 65535) == 65535U);
    CHECK(text::parse_number("18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
    for (const char* word :
         {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "1.0", "65536", "0", "18446744073709551616"}) {
        INFO(word);
        CHECK_FALSE(text::parse_number(word, 1, 65535));
    }
}

TEST_CASE("join puts something between words", "[base]") {
    CHECK(text::join({}, ", ").empty());
    CHECK(text::join({"a"}, ", ") == "a");
    CHECK(text::join({"a", "b", "c"}, "; ") == "a; b; c");
}

TEST_CASE("hex and back", "[base]") {
    const std::vector<std::uint8_t> bytes{0x00, 0x0f, 0xa5, 0xff};
    CHECK(text::hex(bytes) == "000fa5ff");
    CHECK(text::unhex("000FA5ff") == bytes);
    CHECK(text::unhex("")->empty());
    for (const char* bad : {"0", "0g", "-1", " 1", "1 ", "0x"}) {
        CHECK_FALSE(text::unhex(bad));
    }
}
