// S1: each kind of question finds exactly what it should, and none costs more than it may.
#include <catch2/catch.hpp>

#include <chrono>
#include <string>

#include "shoal/base/time.hpp"
#include "shoal/overlay/question.hpp"

using namespace shoal;
using namespace shoal::overlay;

namespace {

using Kind = Question::Kind;

Matcher matcher(Kind kind, const std::string& pattern) {
    auto made = Matcher::make({kind, pattern, "", 0, UINT64_MAX});
    INFO(pattern);
    REQUIRE(made);
    return *made;
}

bool matches(Kind kind, const std::string& pattern, const std::string& name) {
    return matcher(kind, pattern).matches(name, 1);
}

std::string fault(Kind kind, const std::string& pattern) {
    const auto made = Matcher::make({kind, pattern, "", 0, UINT64_MAX});
    return made ? "" : made.error().message;
}

}  // namespace

TEST_CASE("a part of a name, in either case", "[overlay][question]") {
    CHECK(matches(Kind::name_part, "holiday", "photos/My HOLIDAY 1.jpg"));
    CHECK(matches(Kind::name_part, "PHOTOS/my", "photos/My holiday.jpg"));
    CHECK(matches(Kind::name_part, "ÄRGER", "ärger.txt"));
    CHECK(matches(Kind::name_part, "москва", "МОСКВА.pdf"));
    CHECK(matches(Kind::name_part, "ωμέγα", "ΩΜέΓΑ"));
    CHECK(matches(Kind::name_part, "ž", "Ž"));
    CHECK(matches(Kind::name_part, "", "anything"));
    CHECK(matches(Kind::name_part, "a.b*", "xa.b*y"));
    CHECK_FALSE(matches(Kind::name_part, "a.b*", "xaab"));
    CHECK_FALSE(matches(Kind::name_part, "holidays", "holiday"));
    CHECK_FALSE(matches(Kind::name_part, "×", "÷"));
}

TEST_CASE("globs read as a shell reads them", "[overlay][question]") {
    CHECK(matches(Kind::glob, "*.iso", "images/debian.iso"));
    CHECK(matches(Kind::glob, "d?bian.*", "images/debian.iso"));
    CHECK(matches(Kind::glob, "[a-d]*[!0-9]", "x/debian"));
    CHECK(matches(Kind::glob, "a\\*b", "a*b"));
    CHECK(matches(Kind::glob, "images/*.iso", "images/debian.iso"));
    CHECK(matches(Kind::glob, "images/**.iso", "images/old/debian.iso"));
    CHECK(matches(Kind::glob, "[]]x", "]x"));
    CHECK(matches(Kind::glob, "[x", "[x"));
    CHECK(matches(Kind::glob, "?", "Ω"));
    CHECK_FALSE(matches(Kind::glob, "*.iso", "debian.ISO"));
    CHECK_FALSE(matches(Kind::glob, "*.iso", "debian.iso.txt"));
    CHECK_FALSE(matches(Kind::glob, "images/*.iso", "images/old/debian.iso"));
    CHECK_FALSE(matches(Kind::glob, "debian", "debian.iso"));
    CHECK_FALSE(matches(Kind::glob, "a\\*b", "axb"));
}

TEST_CASE("regular expressions", "[overlay][question]") {
    struct Case {
        const char* pattern;
        const char* name;
        bool found;
    };
    const Case cases[] = {
        {"ab+c", "xxabbbc", true},
        {"^ab+c$", "xabc", false},
        {"^a|b$", "xb", true},
        {"(jpe?g|png)$", "a.jpeg", true},
        {"(jpe?g|png)$", "a.jpgx", false},
        {"a{2,3}", "xaay", true},
        {"^a{2,3}$", "aaaa", false},
        {"^a{2}$", "aa", true},
        {"^(?:ab){2,}$", "ababab", true},
        {"[0-9]+-\\d{2}", "x12-34", true},
        {"[^/]+\\.txt$", "a/b.txt", true},
        {"\\.", "ab", false},
        {"a.c", "a/c", true},
        {"\\w+\\s\\w+", "two words", true},
        {"^\\S+$", "two words", false},
        {"(?i)HOLIday", "holiDAY", true},
        {"(?i)[a-f]Z", "DZ", true},
        {"(?i)Ä", "ä", true},
        {"", "anything", true},
        {"()", "x", true},
        {"(a*)*b", "aaab", true},
        {"(a|b|)*$", "abab", true},
        {"[\\]x]", "]", true},
        {"[a\\-c]", "b", false},
        {"a??b", "ab", true},
        {"x*?y", "xxy", true},
        {"^$", "x", false},
        {"a\\{2\\}", "a{2}", true},
        {"^.$", "Ω", true},
        {"\\D", "123", false},
    };
    for (const Case& one : cases) {
        CAPTURE(one.pattern, one.name);
        CHECK(matches(Kind::regex, one.pattern, one.name) == one.found);
    }
}

TEST_CASE("a wrong pattern is named with its place", "[overlay][question]") {
    for (const char* pattern : {"(", "a)", "[a", "*a", "a{3,2}", "a{x}", "\\", "(?=a)", "\\1",
                                "\\b", "a{101}", "[z-a]", "{2}"}) {
        CAPTURE(pattern);
        CHECK(fault(Kind::regex, pattern).find("the pattern is wrong at its sign") == 0);
    }
    CHECK(fault(Kind::regex, "(a{50}){50}").find("repeats too much") != std::string::npos);
    CHECK(fault(Kind::regex, std::string(60, '(') + std::string(60, ')')).find("too deep") !=
          std::string::npos);
    CHECK(fault(Kind::name_part, std::string(129, 'a')).find("128") != std::string::npos);
    CHECK_FALSE(fault(Kind::name_part, "\xff").empty());
}

TEST_CASE("endings and sizes narrow what is found", "[overlay][question]") {
    const auto made = Matcher::make({Kind::name_part, "a", ".TXT,tar.gz", 10, 20});
    REQUIRE(made);
    CHECK(made->matches("a.txt", 10));
    CHECK(made->matches("b/a.Tar.GZ", 20));
    CHECK_FALSE(made->matches("a.gz", 15));
    CHECK_FALSE(made->matches("atxt", 15));
    CHECK_FALSE(made->matches("a.txt", 9));
    CHECK_FALSE(made->matches("a.txt", 21));
    CHECK_FALSE(Matcher::make({Kind::name_part, "a", ",.", 0, 1}));
}

TEST_CASE("what makes others backtrack for ever takes linear time", "[overlay][question]") {
    const std::string name(400, 'a');
    for (const char* pattern :
         {"(a+)+$x", "(a*)*b", "(a|aa)+$y", "(a|a?)+b", "((a+)+)+b", "(.*)*(.*)*(.*)*z",
          "(){100}{100}{100}{100}{100}{100}b", "(a{0,9}){0,9}b", "(x+x+)+y"}) {
        CAPTURE(pattern);
        const auto begin = std::chrono::steady_clock::now();
        CHECK_FALSE(matches(Kind::regex, pattern, name));
        CHECK(std::chrono::steady_clock::now() - begin < 500ms);
    }
    const std::string glob = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(matches(Kind::glob, glob, name));
    CHECK(std::chrono::steady_clock::now() - begin < 500ms);
}
