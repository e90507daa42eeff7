#include <catch2/catch.hpp>

#include "peer/cache_book.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {
namespace {

integrity::FileId file_of(std::uint64_t size, std::uint8_t mark) {
    integrity::FileId id{size, {}};
    id.root.bytes[0] = mark;
    return id;
}

std::vector<std::string> names(const std::vector<CacheBook::Entry>& entries) {
    std::vector<std::string> list;
    for (const CacheBook::Entry& entry : entries) {
        list.push_back(entry.name);
    }
    return list;
}

}  // namespace

TEST_CASE("the least recently used files go when there are too many bytes") {
    CacheBook book;
    book.add("a", file_of(100, 1));
    book.add("b", file_of(200, 2));
    book.add("c", file_of(300, 3));
    CHECK(book.bytes() == 600);
    CHECK(book.evict(600).empty());
    book.touch("a");
    book.touch("unknown");
    CHECK(names(book.evict(450)) == std::vector<std::string>{"b"});
    CHECK(names(book.evict(0)) == std::vector<std::string>{"c", "a"});
    CHECK(book.bytes() == 0);
}

TEST_CASE("a name stands in the book once, and leaves it") {
    CacheBook book;
    book.add("a", file_of(100, 1));
    book.add("a", file_of(50, 2));
    CHECK(book.bytes() == 50);
    CHECK(book.holds("a", file_of(50, 2)));
    CHECK_FALSE(book.holds("a", file_of(100, 1)));
    CHECK(book.remove("a"));
    CHECK_FALSE(book.remove("a"));
    CHECK_FALSE(book.holds("a", file_of(50, 2)));
}

TEST_CASE("the book is read as it was written, whatever the names") {
    CacheBook book;
    book.add("x/line\nfeed and space", file_of(100, 1));
    book.add("b", file_of(7, 2));
    book.touch("x/line\nfeed and space");
    CHECK(book.take_changed());
    CacheBook again;
    again.load(book.save());
    CHECK_FALSE(again.changed());
    CHECK(again.save() == book.save());
    CHECK(names(again.evict(100)) == std::vector<std::string>{"b"});
}

TEST_CASE("lines of the book that make no sense are left out") {
    const std::string root(64, 'a');
    const std::string good = "5 " + root + " 6162\n";
    for (const std::string& bad : std::vector<std::string>{
             "\n", " ", "5", "5 " + root, "5 " + root + " ", "x " + root + " 6162", "5 aa 6162",
             "5 " + root + " 6", "5 " + root + " 2e2e2f61", "-1 " + root + " 6162",
             "99999999999999 " + root + " 6162", "0 " + root + " 6162", "  ", "5  6162"}) {
        CacheBook book;
        book.load(bad + '\n' + good + bad);
        CHECK(book.bytes() == 5);
        CHECK(names(book.evict(0)) == std::vector<std::string>{"ab"});
    }
}

}  // namespace shoal::peer
