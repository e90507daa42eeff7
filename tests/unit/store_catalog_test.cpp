// The catalog by itself: precedence, pages, generation, totals.
#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"

using namespace shoal;
using namespace shoal::store;
using shoal::test::safe;
using State = Holding::State;

namespace {

struct CatalogFixture {
    test::TempDir dir;
    Root shared{Root::open(dir / "shared").value()};
    Root downloads{Root::open(dir / "downloads").value()};
    Catalog catalog{shared, downloads};

    static integrity::FileId id_of(std::uint8_t number) {
        integrity::FileId id{number, {}};
        id.root.bytes[0] = number;
        return id;
    }
    void put(Where where, std::string_view name, std::uint8_t number) {
        catalog.put(
            std::make_shared<const HeldFile>(HeldFile{safe(name), where, id_of(number), {}, {}}));
    }
    [[nodiscard]] std::string page(std::string_view prefix, std::string_view after = "",
                                   std::size_t most = 100) const {
        std::string all;
        for (const auto& record : catalog.page(prefix, after, most)) {
            all += record.name + ":" + std::to_string(record.id.size) + " ";
        }
        return all;
    }
};

}  // namespace

TEST_CASE("a name in both folders is shared's", "[store][catalog]") {
    CatalogFixture f;
    f.put(Where::downloads, "f", 2);
    CHECK(f.catalog.find("f").file->id.size == 2);
    f.put(Where::shared, "f", 1);
    CHECK(f.catalog.find("f").file->id.size == 1);
    CHECK(f.catalog.find_in(Where::downloads, "f").file->id.size == 2);
    CHECK(f.page("") == "f:1 ");
    CHECK(f.catalog.find(CatalogFixture::id_of(2)).state == State::complete);
    f.catalog.remove(Where::shared, "f");
    CHECK(f.catalog.find("f").file->id.size == 2);
    CHECK(f.catalog.find(CatalogFixture::id_of(1)).state == State::absent);
}

TEST_CASE("content with several names stays findable while one is left", "[store][catalog]") {
    CatalogFixture f;
    f.put(Where::shared, "a", 7);
    f.put(Where::shared, "b", 7);
    f.put(Where::downloads, "c", 7);
    f.catalog.remove(Where::shared, "a");
    f.catalog.remove(Where::downloads, "c");
    CHECK(f.catalog.find(CatalogFixture::id_of(7)).file->name.text() == "b");
    f.put(Where::shared, "b", 8);
    CHECK(f.catalog.find(CatalogFixture::id_of(7)).state == State::absent);
}

TEST_CASE("pages go on where the last one ended", "[store][catalog]") {
    CatalogFixture f;
    for (const char* name : {"b", "a/x", "a/y", "a", "a/z/1", "ab"}) {
        f.put(Where::shared, name, 1);
    }
    f.put(Where::downloads, "a/w", 2);
    f.catalog.put_pending(Where::shared, safe("a/pending"), {1, 1, 77, 0, 0});
    f.catalog.put_unreadable(Where::shared, safe("a/too large"), {1, 1, 1ULL << 50, 0, 0});
    f.catalog.put_unreadable(Where::shared, safe("a/unread"), {1, 1, 78, 0, 0});
    const std::string below = "a/pending:77 a/unread:78 a/w:2 a/x:1 a/y:1 a/z/1:1 ";
    CHECK(f.page("") == "a:1 " + below + "ab:1 b:1 ");
    CHECK(f.page("a/") == below);
    CHECK(f.page("a") == "a:1 " + below + "ab:1 ");
    CHECK(f.catalog.page("a/u", "", 9).at(0).id == integrity::unhashed(78));
    CHECK(f.catalog.children(Where::shared, "a/", "", 99).rows.size() == 5);
    CHECK(f.page("a/", "a/w", 2) == "a/x:1 a/y:1 ");
    CHECK(f.page("a/", "a/y", 2) == "a/z/1:1 ");
    CHECK(f.page("a/", "a/z/1").empty());
    CHECK(f.page("", "zzz").empty());
    CHECK(f.page("b", "a") == "b:1 ");
    CHECK(f.page("", "", 0).empty());
}

TEST_CASE("pages of any size give the same whole", "[store][catalog]") {
    CatalogFixture f;
    SmallRandom random(5);
    for (int i = 0; i < 500; ++i) {
        std::string name(1, static_cast<char>('a' + random.below(3)));
        for (std::uint64_t depth = random.below(4); depth > 0; --depth) {
            name += random.below(2) == 0 ? "/q" : "\xc3\xa9";
            name += std::to_string(random.below(20));
        }
        const Where where = random.below(2) == 0 ? Where::shared : Where::downloads;
        random.below(4) == 0 ? f.catalog.put_pending(where, safe(name)) : f.put(where, name, 1);
    }
    const std::string whole = f.page("", "", 10'000);
    for (const std::size_t most : {1U, 2U, 7U, 100U}) {
        std::string joined, after;
        for (;;) {
            const auto records = f.catalog.page("", after, most);
            if (records.empty()) {
                break;
            }
            for (const auto& record : records) {
                joined += record.name + ":" + std::to_string(record.id.size) + " ";
            }
            after = records.back().name;
        }
        CHECK(joined == whole);
    }
}

TEST_CASE("the generation grows with every change that shows", "[store][catalog]") {
    CatalogFixture f;
    std::uint64_t last = f.catalog.generation();
    const auto grown = [&] {
        return std::exchange(last, f.catalog.generation()) < f.catalog.generation();
    };
    f.put(Where::shared, "a", 1);
    CHECK(grown());
    f.put(Where::shared, "a", 2);
    CHECK(grown());
    f.catalog.put_pending(Where::shared, safe("b"));
    CHECK(grown());
    f.catalog.set_hashed(Where::shared, "b", 5);
    CHECK_FALSE(grown());
    f.catalog.put_pending(Where::shared, safe("a"));
    CHECK(grown());
    f.put(Where::shared, "a", 2);
    CHECK(grown());
    f.catalog.remove(Where::shared, "a");
    CHECK(grown());
    f.catalog.remove(Where::shared, "none");
    CHECK_FALSE(grown());
}

TEST_CASE("the generation never falls while partial files come and go", "[store][catalog]") {
    test::StoreFixture store;
    const auto bytes = test::random_content(200'000, 1);
    const auto tree = test::tree_of(bytes);
    std::uint64_t last = store->catalog().generation();
    const auto grown = [&] {
        return std::exchange(last, store->catalog().generation()) < store->catalog().generation();
    };
    auto partial = store->open_partial(safe("f"), tree.id, tree.chunk_hashes).value();
    CHECK(grown());
    REQUIRE(partial->write(0, bytes).ok());
    for (std::uint32_t chunk = 0; chunk < 4; ++chunk) {
        partial->mark_verified({chunk});
        CHECK(grown());
        partial->mark_verified({chunk});  // known already
        CHECK_FALSE(grown());
    }
    CHECK(store->catalog().page("", "", 9).at(0).held == 4);
    REQUIRE(store->finish(partial, safe("f")).ok());
    CHECK(grown());
}

TEST_CASE("a pending file is told with its size, its time and how far it is", "[store][catalog]") {
    CatalogFixture f;
    f.put(Where::shared, "d/a", 1);
    f.catalog.put_pending(Where::shared, safe("d/a"), {1, 1, 300, 5'000'000'000, 0});
    CHECK(f.catalog.find("d/a").pending == PendingFile{300, 5, 0, false});
    CHECK(f.catalog.find(CatalogFixture::id_of(1)).state == State::absent);
    f.catalog.set_being_written(Where::shared, "d/a", true);
    f.catalog.put_pending(Where::shared, safe("d/a"), {1, 1, 400, 6'000'000'000, 0});
    CHECK(f.catalog.find("d/a").pending == PendingFile{400, 6, 0, true});
    f.catalog.set_hashed(Where::shared, "d/a", 100);
    CHECK(f.catalog.find("d/a").pending == PendingFile{400, 6, 100, false});
    const CatalogRecord record = f.catalog.page("d/", "", 9).at(0);
    CHECK(record.id == integrity::unhashed(400));
    CHECK(record.mtime_s == 6);
    CHECK(record.held == 0);
    const auto rows = f.catalog.children(Where::shared, "d/", "", 9).rows;
    REQUIRE(rows.size() == 1);
    CHECK_FALSE(rows[0].is_folder());
    CHECK(rows[0].pending == PendingFile{400, 6, 100, false});
    f.catalog.take_settled();
    f.put(Where::shared, "d/a", 2);
    CHECK(f.catalog.take_settled() == std::vector<std::string>{"d/a"});
    CHECK(f.catalog.take_settled().empty());
}

TEST_CASE("what stands for a file without a root is no file's identity", "[store][catalog]") {
    for (const std::uint64_t size : {0U, 1U, 1U << 20U}) {
        const integrity::FileId id = integrity::unhashed(size);
        CHECK(integrity::is_unhashed(id));
    }
    CHECK_FALSE(integrity::is_unhashed(integrity::FileId{}));
    CHECK(integrity::FileId{}.possible());
    CHECK_FALSE(integrity::is_unhashed(CatalogFixture::id_of(3)));
}

TEST_CASE("the catalog knows what it has not seen", "[store][catalog]") {
    CatalogFixture f;
    CHECK(f.catalog.knows_all(""));
    f.catalog.set_scanning(true);
    CHECK_FALSE(f.catalog.knows_all("x"));
    f.catalog.set_scanning(false);
    CHECK(f.catalog.put_unseen(Where::shared, "a/b/"));
    CHECK_FALSE(f.catalog.put_unseen(Where::shared, "a/b/"));
    struct Case {
        const char* prefix;
        bool known;
        bool seen;  // but for the folder
        bool told;  // the folder
    };
    for (const Case& c : {Case{"", false, true, true},
                          {"a", false, true, true},
                          {"a/", false, true, true},
                          {"a/b", false, true, true},
                          {"a/b/", false, false, true},
                          {"a/b/c/d", false, false, false},
                          {"a/c", true, true, false},
                          {"b", true, true, false}}) {
        CAPTURE(c.prefix);
        CHECK(f.catalog.knows_all(c.prefix) == c.known);
        CHECK(f.catalog.sees(c.prefix) == c.seen);
        CHECK(f.catalog.unseen_below(c.prefix) ==
              (c.told ? std::set<std::string>{"a/b/"} : std::set<std::string>{}));
    }
    f.catalog.remove_unseen(Where::shared, "a/");
    CHECK_FALSE(f.catalog.knows_all(""));
    f.catalog.remove_unseen_below(Where::shared, "a/");
    CHECK(f.catalog.knows_all(""));
}

TEST_CASE("totals follow", "[store][catalog]") {
    CatalogFixture f;
    f.put(Where::shared, "a", 10);
    f.put(Where::downloads, "b", 5);
    f.catalog.put_pending(Where::shared, safe("c"));
    CHECK(f.catalog.totals().files == 2);
    CHECK(f.catalog.totals().bytes == 15);
    CHECK(f.catalog.totals().pending == 1);
    f.put(Where::shared, "c", 1);
    f.put(Where::shared, "a", 3);
    CHECK(f.catalog.totals().files == 3);
    CHECK(f.catalog.totals().bytes == 9);
    CHECK(f.catalog.totals().pending == 0);
    for (const char* name : {"a", "c"}) {
        f.catalog.remove(Where::shared, name);
    }
    f.catalog.remove(Where::downloads, "b");
    CHECK(f.catalog.totals().files == 0);
    CHECK(f.catalog.totals().bytes == 0);
}
