// The index on disk: nothing is hashed twice, nothing damaged is believed.
#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"
#include "store/index_file.hpp"

using namespace shoal;
using namespace shoal::store;
using shoal::test::safe;
using shoal::test::StoreFixture;
using State = Holding::State;

namespace {

namespace fs = std::filesystem;

std::shared_ptr<const HeldFile> sample(std::size_t size, std::uint64_t inode) {
    auto tree = test::tree_of(test::random_content(size, inode));
    if (tree.chunk_hashes.size() < 2) {
        tree.chunk_hashes.clear();
    }
    return std::make_shared<const HeldFile>(
        HeldFile{safe("f"), Where::shared, tree.id, tree.chunk_hashes, {1, inode, size, -5, 7}});
}

std::vector<std::shared_ptr<const HeldFile>> samples() {
    return {sample(0, 1), sample(100, 2), sample(300'000, 3), sample(65'536, 4)};
}

}  // namespace

TEST_CASE("an index comes back as it was written", "[store][index]") {
    const auto files = samples();
    const auto index = decode_index(encode_index(files));
    REQUIRE(index.has_value());
    REQUIRE(index->contents.size() == files.size());
    for (const auto& file : files) {
        const auto found = index->contents.find(file->stamp);
        REQUIRE(found != index->contents.end());
        CHECK(found->second.root == file->id.root);
        CHECK(found->second.chunk_hashes == file->chunk_hashes);
    }
    CHECK(decode_index(encode_index({}))->contents.empty());
    const std::vector<Place> mounts{{Where::shared, "a/b/"}, {Where::downloads, "disk/"}};
    CHECK(decode_index(encode_index(files, mounts))->mounts == mounts);
    CHECK(decode_index(encode_index(files, mounts))->contents.size() == files.size());
}

TEST_CASE("an index without mounts, as it was written before, is read", "[store][index]") {
    auto bytes = encode_index(samples());
    const std::string old = "SHOALI1\n";
    std::copy(old.begin(), old.end(), bytes.begin());
    bytes.resize(bytes.size() - sizeof(integrity::Digest) - 4);
    const integrity::Digest check = integrity::sha256(bytes);
    bytes.insert(bytes.end(), check.bytes.begin(), check.bytes.end());
    const auto index = decode_index(bytes);
    REQUIRE(index);
    CHECK(index->contents.size() == samples().size());
    CHECK(index->mounts.empty());
}

TEST_CASE("a mount that no tree can have is not believed", "[store][index]") {
    for (const std::string prefix : {"", "/", "a", "../", "a//", "/a/"}) {
        CAPTURE(prefix);
        CHECK_FALSE(decode_index(encode_index({}, {{Where::shared, prefix}})).has_value());
    }
}

TEST_CASE("an index with any byte changed or cut is not believed", "[store][index]") {
    const auto bytes = encode_index(samples(), {{Where::shared, "disk/"}});
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        CAPTURE(at);
        auto changed = bytes;
        changed[at] ^= 0x20;
        REQUIRE_FALSE(decode_index(changed).has_value());
        REQUIRE_FALSE(decode_index(std::span(bytes).first(at)).has_value());
    }
    auto longer = bytes;
    longer.push_back(0);
    CHECK_FALSE(decode_index(longer).has_value());
}

TEST_CASE("after a restart nothing is hashed again", "[store][index]") {
    StoreFixture store;
    store.dir.write("shared/a", test::random_content(300'000, 1));
    store.dir.write("shared/d/b", "text");
    store.follow();
    const auto id = store->catalog().find("a").file->id;
    store.reopen();
    CHECK(store.state("d/b") == State::complete);  // before any work
    REQUIRE(store.state("a") == State::complete);
    CHECK(store->catalog().find("a").file->id == id);
    CHECK(store->catalog().find("a").file->chunk_hashes.size() == 5);
}

TEST_CASE("a file that changed is hashed again, even with its old date", "[store][index]") {
    StoreFixture store;
    store.dir.write("shared/a", "one");
    store.follow();
    const Holding before = store->catalog().find("a");
    struct stat status {};
    REQUIRE(::stat((store.dir / "shared/a").c_str(), &status) == 0);
    store.reopen();
    store.dir.write("shared/a", "two");
    const timespec times[2] = {status.st_atim, status.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, (store.dir / "shared/a").c_str(), times, 0) == 0);
    CHECK(store->catalog().open_for_serving(*before.file).error().kind == ErrorKind::changed);
    store.reopen();
    CHECK(store.state("a") == State::pending);
    store.settle();
    CHECK(store->catalog().find("a").file->id ==
          test::tree_of(std::vector<std::uint8_t>{'t', 'w', 'o'}).id);
}

TEST_CASE("a damaged index is ignored", "[store][index]") {
    StoreFixture store;
    store.dir.write("shared/a", "one");
    store.follow();
    REQUIRE(store->save_index().ok());
    auto bytes = store.dir.read(".shoal/index");
    REQUIRE(bytes.size() > 40);
    {
        auto options = store.options();
        options.state = store.dir / ".second";
        bytes[20] ^= 1;
        store.dir.write(".second/index", bytes);
        auto second = Store::open(options).value();
        CHECK(second->catalog().find("a").state == State::pending);
        while (second->work(store.now)) {
        }
        CHECK(second->catalog().find("a").state == State::complete);
    }
    CHECK(decode_index(store.dir.read(".second/index")).has_value());  // and replaced
}

TEST_CASE("vanished files leave the index", "[store][index]") {
    StoreFixture store;
    store.dir.write("shared/a", "one");
    store.dir.write("shared/b", "two");
    store.follow();
    store.reopen();
    fs::remove(store.dir / "shared/a");
    store.reopen();
    store.reopen();
    CHECK(decode_index(store.dir.read(".shoal/index"))->contents.size() == 1);
}

TEST_CASE("the index is saved at most each five seconds", "[store][index]") {
    StoreFixture store;
    store.dir.write("shared/a", "one");
    store.follow();
    CHECK(decode_index(store.dir.read(".shoal/index"))->contents.size() == 1);
    store.dir.write("shared/b", "two");
    store.follow();
    CHECK(decode_index(store.dir.read(".shoal/index"))->contents.size() == 1);
    REQUIRE(store->next_timeout().has_value());
    CHECK(*store->next_timeout() == store.now + 5s);
    store.now += 5s;
    store.settle();
    CHECK(decode_index(store.dir.read(".shoal/index"))->contents.size() == 2);
    CHECK_FALSE(store->next_timeout().has_value());  // an idle store sleeps
}

TEST_CASE("the state folder is private", "[store][index]") {
    StoreFixture store;
    struct stat status {};
    REQUIRE(::stat((store.dir / ".shoal").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    REQUIRE(store->save_index().ok());
    REQUIRE(::stat((store.dir / ".shoal/index").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_FALSE(store.dir.has(".shoal/index.new"));
}

TEST_CASE("a second process reads the index and does not write it", "[store][index]") {
    StoreFixture store;
    store.dir.write("shared/a", "one");
    store.follow();
    REQUIRE(store->save_index().ok());
    const auto before = store.dir.read(".shoal/index");
    {
        auto second = Store::open(store.options()).value();
        CHECK(second->catalog().find("a").state == State::complete);
        store.dir.write("shared/b", "two");
        StoreFixture::wait_for_tick();
        second->handle_watch(store.now);
        while (second->work(store.now)) {
        }
        CHECK(second->catalog().find("b").state == State::complete);
        CHECK(second->save_index().ok());
        CHECK_FALSE(second->next_timeout().has_value());
    }
    CHECK(store.dir.read(".shoal/index") == before);
}
