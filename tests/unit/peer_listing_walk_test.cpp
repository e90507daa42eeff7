// ListingWalk: what a page of a listing is worth, and what is asked next.
#include <catch2/catch.hpp>

#include "peer/listing_walk.hpp"

namespace shoal::peer {
namespace {

using Verdict = ListingWalk::Verdict;
using Depth = ListingWalk::Depth;

std::vector<std::uint8_t> page_of(const std::vector<std::string>& names) {
    std::vector<std::uint8_t> page;
    for (const std::string& name : names) {
        protocol::append_record(page, {name, {5, {}}, 1, 0});
    }
    return page;
}

constexpr std::uint16_t last = protocol::flag_last_page;
constexpr std::uint16_t last_incomplete = protocol::flag_last_page | protocol::flag_incomplete;
constexpr std::size_t plenty = 1 << 20;

std::string cursor_of(const ListingWalk& walk) { return std::string(walk.question().path_text()); }

TEST_CASE("a page with few names that is not the last is no sign of life") {
    const auto moves = [](std::size_t count, std::size_t length, std::uint16_t flags) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < count; ++i) {
            names.push_back(std::string(length, 'n') + std::to_string(1000 + i));
        }
        ListingWalk walk("", Depth::whole, plenty);
        return walk.take(flags, page_of(names)).moves;
    };
    CHECK_FALSE(moves(1, 10, 0));
    CHECK_FALSE(moves(63, 10, 0));
    CHECK(moves(64, 10, 0));
    CHECK(moves(20, 800, 0));
    CHECK(moves(1, 10, last));
    CHECK(moves(0, 0, last_incomplete));
}

TEST_CASE("what a first page is worth") {
    struct Case {
        const char* what;
        const char* prefix;
        std::vector<std::string> names;
        std::uint16_t flags;
        Verdict verdict;
        std::size_t records;
        std::string next;  // of Verdict::more
    };
    const Case all[] = {
        {"nothing is there", "d/", {}, last, Verdict::complete, 0, ""},
        {"nothing is known yet", "d/", {}, last_incomplete, Verdict::incomplete, 0, ""},
        {"all", "d/", {"d/a", "d/b"}, last, Verdict::complete, 2, ""},
        {"all that is known", "", {"a", "d/b"}, last_incomplete, Verdict::incomplete, 2, ""},
        {"there is more", "d/", {"d/a", "d/b/c"}, 0, Verdict::more, 2, "d/b/c"},
        {"incomplete counts on the last page",
         "d/",
         {"d/a"},
         protocol::flag_incomplete,
         Verdict::more,
         1,
         "d/a"},
        {"a beginning of names", "d", {"d", "d/a", "da"}, last, Verdict::complete, 3, ""},
        {"only the name that is the prefix",
         "d",
         {"d"},
         0,
         Verdict::more,
         1,
         std::string("d\0", 2)},
        {"empty, but not the last", "d/", {}, 0, Verdict::broken, 0, ""},
        {"names before the prefix", "d/", {"c/a", "d/a"}, last, Verdict::broken, 0, ""},
        {"names behind the prefix", "d/", {"d/a", "e"}, last, Verdict::broken, 0, ""},
        {"names not in order", "d/", {"d/b", "d/a"}, last, Verdict::broken, 0, ""},
        {"the same name twice", "d/", {"d/a", "d/a"}, last, Verdict::broken, 0, ""},
    };
    for (const Case& c : all) {
        CAPTURE(c.what);
        ListingWalk walk(c.prefix, Depth::whole, plenty);
        CHECK(cursor_of(walk) == c.prefix);
        CHECK(walk.question().prefixLength == std::string(c.prefix).size());
        const auto payload = page_of(c.names);
        const ListingWalk::Page page = walk.take(c.flags, payload);
        CHECK(page.verdict == c.verdict);
        CHECK(page.records.size() == c.records);
        CHECK(page.why.empty() == (c.verdict != Verdict::broken));
        if (c.verdict == Verdict::more) {
            CHECK(cursor_of(walk) == c.next);
            CHECK(walk.question().prefixLength == std::string(c.prefix).size());
        }
    }
}

TEST_CASE("a page that repeats, goes back or is cut short breaks a listing off") {
    const auto first = page_of({"d/a", "d/m"});
    for (const auto& names :
         {std::vector<std::string>{"d/a", "d/m"}, {"d/m"}, {"d/b"}, {"d/b", "d/z"}}) {
        ListingWalk walk("d/", Depth::whole, plenty);
        REQUIRE(walk.take(0, first).verdict == Verdict::more);
        CHECK(walk.take(0, page_of(names)).verdict == Verdict::broken);
    }
    ListingWalk walk("d/", Depth::whole, plenty);
    auto cut = first;
    cut.pop_back();
    CHECK(walk.take(last, cut).verdict == Verdict::broken);
    ListingWalk good("d/", Depth::whole, plenty);
    REQUIRE(good.take(0, first).verdict == Verdict::more);
    const auto second = page_of({"d/n"});
    CHECK(good.take(last, second).verdict == Verdict::complete);
}

TEST_CASE("of children, the cursor steps over what is below a subfolder") {
    ListingWalk walk("d/", Depth::children, plenty);
    const auto page = page_of({"d/a", "d/sub/deep/1"});
    REQUIRE(walk.take(0, page).verdict == Verdict::more);
    CHECK(cursor_of(walk) == "d/sub/\xff");
    const auto next = page_of({"d/sub0", "d/t"});
    CHECK(walk.take(last, next).verdict == Verdict::complete);
    ListingWalk stuck("d/", Depth::children, plenty);
    REQUIRE(stuck.take(0, page).verdict == Verdict::more);
    const auto below = page_of({"d/sub/deep/2"});
    CHECK(stuck.take(0, below).verdict == Verdict::broken);
}

TEST_CASE("a folder that cannot be read makes the whole incomplete, and is a child") {
    const auto page = page_of({"d/", "d/a", "d/sub/"});
    ListingWalk whole("d/", Depth::whole, plenty);
    const ListingWalk::Page all = whole.take(last, page);
    CHECK(all.verdict == Verdict::incomplete);
    REQUIRE(all.records.size() == 1);
    CHECK(all.records[0].name == "d/a");
    ListingWalk children("d/", Depth::children, plenty);
    const ListingWalk::Page some = children.take(last, page);
    CHECK(some.verdict == Verdict::complete);
    CHECK(some.records.size() == 3);
    ListingWalk on("d/", Depth::children, plenty);
    REQUIRE(on.take(0, page).verdict == Verdict::more);
    CHECK(cursor_of(on) == "d/sub/\xff");
    ListingWalk too_long("", Depth::children, plenty);
    const auto longest = page_of({std::string(limits::path_max - 1, 'x') + '/'});
    CHECK(too_long.take(0, longest).verdict == Verdict::broken);
}

TEST_CASE("the longest names leave room for a cursor") {
    const std::string folder = "d/" + std::string(200, 'f') + "/" + std::string(195, 'g') + "/";
    REQUIRE(folder.size() == limits::path_max - 1);
    ListingWalk walk("d/" + std::string(200, 'f') + "/", Depth::children, plenty);
    const auto page = page_of({folder + "n"});
    REQUIRE(walk.take(0, page).verdict == Verdict::more);
    CHECK(cursor_of(walk).size() == limits::path_max);
}

TEST_CASE("an endless listing is cut where its cost ends") {
    ListingWalk walk("", Depth::whole, 64 * limits::KiB);
    std::size_t taken = 0;
    std::size_t pages = 0;
    for (Verdict verdict = Verdict::more; verdict == Verdict::more; ++pages) {
        REQUIRE(pages < 10);
        std::vector<std::string> names;
        for (int i = 0; i < 100; ++i) {
            names.push_back(std::to_string(10'000 + pages * 100 + static_cast<std::size_t>(i)) +
                            std::string(250, 'x'));
        }
        const auto payload = page_of(names);
        const ListingWalk::Page page = walk.take(0, payload);
        taken += page.records.size();
        verdict = page.verdict;
        CHECK((verdict == Verdict::more || verdict == Verdict::too_much));
    }
    CHECK(taken * (255 + 160) <= 64 * limits::KiB);
    CHECK(taken > 100);
}

}  // namespace
}  // namespace shoal::peer
