// SafePath and the names the store makes up.
#include <catch2/catch.hpp>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/safe_path.hpp"
#include "store/file_names.hpp"

using shoal::store::parse_prefix;
using shoal::store::SafePath;
namespace names = shoal::store::file_names;
using namespace std::string_literals;

TEST_CASE("names that may be used", "[store][path]") {
    const std::string name =
        GENERATE("a"s, "a.txt"s, "a/b/c.txt"s, "with space"s, " "s, "a..b"s, "a."s, "-rf"s,
                 "\x1b[31mred"s, "line\nbreak"s, "\u0444\u0430\u0439\u043b/\u540d"s, "e\u0301"s,
                 "\u00e9"s, "\u202egnp.exe"s, std::string(255, 'n'), "COM1"s, "a:b"s, "#3"s, "*"s);
    CAPTURE(shoal::text::escape(name));
    const auto path = SafePath::parse(name);
    REQUIRE(path.ok());
    CHECK(path->text() == name);
}

TEST_CASE("names that may not be used", "[store][path]") {
    const std::string name = GENERATE(
        ""s, "/"s, "/a"s, "a/"s, "a//b"s, "."s, ".."s, "./a"s, "../a"s, "a/.."s, "a/../b"s,
        "a/./b"s, ".hidden"s, "a/.hidden"s, "..."s, "a\\b"s, "\\"s, "C:\\x"s, "a\0b"s, "\0"s,
        "\xff"s, "\xc0\xae\xc0\xae/a"s, "\xc0\xaf"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s,
        "\xe2\x82"s, std::string(256, 'n'), "d/" + std::string(256, 'n'), std::string(401, '/'),
        std::string(200, 'a') + "/" + std::string(200, 'b'));
    CAPTURE(shoal::text::escape(name));
    const auto path = SafePath::parse(name);
    REQUIRE_FALSE(path.ok());
    CHECK(path.error().kind == shoal::ErrorKind::bad_input);
    CHECK(path.error().message.find('\n') == std::string::npos);
}

TEST_CASE("the longest path is 400 bytes", "[store][path]") {
    const std::string longest = std::string(200, 'a') + "/" + std::string(199, 'b');
    REQUIRE(longest.size() == shoal::limits::path_max);
    CHECK(SafePath::parse(longest).ok());
    CHECK_FALSE(SafePath::parse(longest + "b").ok());
}

TEST_CASE("folder and name of a path", "[store][path]") {
    CHECK(SafePath::parse("a/b/c")->folder() == "a/b");
    CHECK(SafePath::parse("a/b/c")->name() == "c");
    CHECK(SafePath::parse("c")->folder().empty());
    CHECK(SafePath::parse("c")->name() == "c");
}

TEST_CASE("how a name can begin", "[store][path]") {
    using shoal::store::check_beginning;
    for (const auto& good : {""s, "a"s, "a/"s, "a/b"s, "a/b/"s, "\xc3\xa9"s,
                             std::string(200, 'a') + "/" + std::string(198, 'b') + "/"}) {
        CAPTURE(shoal::text::escape(good));
        CHECK(check_beginning(good).ok());
    }
    for (const auto& bad : {"/"s, "/a"s, "a//"s, "a//b"s, "../"s, "../a"s, "a/../b"s, ".a"s,
                            "a/.b"s, "a\\"s, "a\0"s, "\xff/a"s, "\xc3"s, std::string(401, 'a')}) {
        CAPTURE(shoal::text::escape(bad));
        CHECK_FALSE(check_beginning(bad).ok());
    }
}

TEST_CASE("prefixes are empty or end with a slash", "[store][path]") {
    CHECK(parse_prefix("").value().empty());
    CHECK(parse_prefix("a/b/").value() == "a/b/");
    for (const char* bad : {"a", "/", "a//", "../", "a/../", ".a/", "/a/"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_prefix(bad).ok());
    }
}

TEST_CASE("made-up names keep to 255 bytes and to whole characters", "[store][path]") {
    shoal::integrity::Digest root;
    root.bytes.fill(0xAB);
    for (std::size_t size = 1; size <= 255; ++size) {
        for (const std::string& unit : {"n"s, "\u00e9"s, "\u540d"s, "\U0001F41F"s}) {
            std::string name(size % unit.size(), 'x');
            while (name.size() < size) {
                name += unit;
            }
            for (const std::string& made :
                 {names::part(name, root), names::part_of_version(name, root)}) {
                CAPTURE(size, made);
                REQUIRE(made.ends_with(".part"));
                REQUIRE(names::journal(made).size() <= 255);
                REQUIRE(names::journal(made).ends_with(".part.journal"));
                REQUIRE(names::part_of_journal(names::journal(made)) == made);
                REQUIRE(shoal::text::is_utf8(made));
            }
            REQUIRE(names::numbered(name, 12).size() <= 255);
            REQUIRE(shoal::text::is_utf8(names::numbered(name, 12)));
        }
    }
    CHECK(names::part("film.mkv", root) == "film.mkv.part");
    CHECK(names::part_of_version("film.mkv", root) == "film.mkv.abababab.part");
}

TEST_CASE("two long names that differ at their end get different parts", "[store][path]") {
    shoal::integrity::Digest one, two;
    two.bytes[0] = 1;
    const std::string stem(254, 'n');
    CHECK(names::part(stem + "1", one) != names::part(stem + "2", two));
}

TEST_CASE("numbered names keep the extension", "[store][path]") {
    CHECK(names::numbered("name.ext", 1) == "name (1).ext");
    CHECK(names::numbered("name", 2) == "name (2)");
    CHECK(names::numbered("a.tar.gz", 3) == "a.tar (3).gz");
    CHECK(names::numbered("x." + std::string(60, 'e'), 1) == "x." + std::string(60, 'e') + " (1)");
}
