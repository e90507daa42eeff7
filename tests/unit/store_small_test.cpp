// Batches of small files.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"

using namespace shoal;
using namespace shoal::store;
using shoal::test::safe;
using shoal::test::StoreFixture;
using State = Holding::State;

namespace {

SmallFile small(std::string_view name, std::size_t size, std::uint64_t seed = 1) {
    auto bytes = test::random_content(size, seed);
    const auto id = test::tree_of(bytes).id;
    return {safe(name), id, std::move(bytes)};
}

}  // namespace

TEST_CASE("a batch of small files arrives whole", "[store][small]") {
    const int count = GENERATE(1, 4, 5, 3000);  // synced one by one, at once, in rounds
    StoreFixture store;
    std::vector<SmallFile> files;
    for (int i = 0; i < count; ++i) {
        files.push_back(small("d" + std::to_string(i % 3) + "/e/f" + std::to_string(i),
                              static_cast<std::size_t>(i % 40) * 1000,
                              static_cast<std::uint64_t>(i)));
    }
    for (const Status& status : store->save_small(files)) {
        REQUIRE(status.ok());
    }
    store.follow();
    for (const SmallFile& file : files) {
        const Holding held = store->catalog().find(file.name.text());
        REQUIRE(held.state == State::complete);
        REQUIRE(held.file->id == file.id);
        REQUIRE(store->catalog().open_for_serving(*held.file).ok());
        REQUIRE(store.dir.read("downloads/" + file.name.text()) == file.bytes);
    }
    CHECK(store.names().size() == static_cast<std::size_t>(count));  // no leftovers
    struct stat status {};
    REQUIRE(::stat((store.dir / "downloads/d0/e/f0").c_str(), &status) == 0);
    CHECK((status.st_mode & 0600) == 0600);
    store.reopen();  // known to the index
    CHECK(store->catalog().totals().pending == 0);
}

TEST_CASE("our own saving is no news", "[store][small]") {
    StoreFixture store;
    const std::vector<SmallFile> files{small("f", 1000)};
    REQUIRE(store->save_small(files).at(0).ok());
    const auto held = store->catalog().find("f").file;
    while (store.take_events()) {
        CHECK(store.state("f") == State::complete);
    }
    store.settle();
    CHECK(store->catalog().find("f").file == held);  // the same object: never hashed
}

TEST_CASE("the empty file is a file", "[store][small]") {
    StoreFixture store;
    const std::vector<SmallFile> files{{safe("empty"), {}, {}}};
    REQUIRE(store->save_small(files).at(0).ok());
    CHECK(store.state("empty") == State::complete);
    CHECK(store.dir.has("downloads/empty"));
}

TEST_CASE("each file of a batch fails for itself", "[store][small]") {
    const bool many = GENERATE(false, true);
    StoreFixture store;
    store.dir.write("downloads/taken", "mine");
    store.dir.write("downloads/plain", "a file");
    std::vector<SmallFile> files{small("good", 10), small("taken", 10), small("plain/x", 10),
                                 small("wrong", 10)};
    files[3].bytes.pop_back();
    for (int i = 0; many && i < 10; ++i) {
        files.push_back(small("more" + std::to_string(i), 10));
    }
    const auto statuses = store->save_small(files);
    REQUIRE(statuses.size() == files.size());
    CHECK(statuses[0].ok());
    REQUIRE_FALSE(statuses[1].ok());
    CHECK(statuses[1].error().kind == ErrorKind::exists);
    CHECK_FALSE(statuses[2].ok());
    CHECK_FALSE(statuses[3].ok());
    CHECK(store.dir.read("downloads/taken").size() == 4);
    for (const auto& entry : std::filesystem::directory_iterator(store.dir / "downloads")) {
        CHECK(entry.path().extension() != ".part");
    }
}

TEST_CASE("what an earlier crash left is made anew", "[store][small]") {
    StoreFixture store;
    const std::string left = "downloads/.shoal-draft-" + std::string(32, 'a');
    const std::string others = "downloads/.shoal-draft-of-mine";
    store.dir.write(left, "torn");
    store.dir.write(others, "not ours");
    store.reopen();
    CHECK_FALSE(store.dir.has(left));
    CHECK(store.dir.has(others));
    const std::vector<SmallFile> files{small("f", 1000)};
    REQUIRE(store->save_small(files).at(0).ok());
    CHECK(store.dir.read("downloads/f") == files[0].bytes);
}

TEST_CASE("a name given twice in a batch is saved once", "[store][small]") {
    StoreFixture store;
    const std::vector<SmallFile> files{small("f", 1000, 1), small("f", 1000, 2)};
    const auto statuses = store->save_small(files);
    CHECK(statuses[0].ok());
    REQUIRE_FALSE(statuses[1].ok());
    CHECK(statuses[1].error().kind == ErrorKind::exists);
    CHECK(store.dir.read("downloads/f") == files[0].bytes);
}
