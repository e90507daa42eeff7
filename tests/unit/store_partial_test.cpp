// Partial files: resuming, finishing, names that are taken.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../support/download_source.hpp"

using namespace shoal;
using namespace shoal::store;
using shoal::test::check_held;
using shoal::test::DownloadSource;
using shoal::test::safe;
using shoal::test::StoreFixture;
using State = Holding::State;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk_size = limits::chunk_size_min;

}  // namespace

TEST_CASE("a download from the first chunk to its final name", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(300'000);
    auto partial = source.open(*store, "a/b/film.mkv").value();
    CHECK(store.dir.has("downloads/a/b/film.mkv.part"));
    CHECK(store.dir.has("downloads/a/b/film.mkv.part.journal"));
    struct stat status {};
    REQUIRE(::fstat(partial->fd(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(status.st_size == 300'000);
    CHECK(status.st_blocks == 0);  // nothing is preallocated

    source.send(*partial, 2);
    CHECK(store.state("a/b/film.mkv") == State::partial);
    CHECK(partial->holds(ChunkIndex{2}));
    CHECK_FALSE(partial->holds(ChunkIndex{1}));
    CHECK(partial->holds(LeafRun{{8}, 4}));
    CHECK_FALSE(partial->holds(LeafRun{{7}, 2}));
    CHECK_FALSE(partial->holds(LeafRun{{8}, 0}));
    CHECK_FALSE(partial->holds(LeafRun{{1ULL << 63}, 64}));
    CHECK(store->catalog().find(source.tree.id).partial == partial);
    CHECK_FALSE(store->finish(partial, safe("a/b/film.mkv")).ok());  // not complete

    source.send_all(*partial);
    REQUIRE(store->finish(partial, safe("a/b/film.mkv")).ok());
    CHECK(store.dir.read("downloads/a/b/film.mkv") == source.bytes);
    CHECK_FALSE(store.dir.has("downloads/a/b/film.mkv.part"));
    CHECK_FALSE(store.dir.has("downloads/a/b/film.mkv.part.journal"));
    const Holding held = store->catalog().find("a/b/film.mkv");
    REQUIRE(held.state == State::complete);
    CHECK(held.file->id == source.tree.id);
    CHECK(held.file->chunk_hashes == source.tree.chunk_hashes);
    CHECK(store->catalog().open_for_serving(*held.file).ok());
    store.follow();  // our own doing is no news
    CHECK(store->catalog().find("a/b/film.mkv").file == held.file);
}

TEST_CASE("finished files have the usual rights", "[store][partial]") {
    const mode_t before = ::umask(027);
    StoreFixture store;
    const DownloadSource source(100'000);
    auto partial = source.open(*store, "f").value();
    source.send_all(*partial);
    REQUIRE(store->finish(partial, safe("f")).ok());
    struct stat status {};
    REQUIRE(::stat((store.dir / "downloads/f").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
    CHECK(::umask(before) == 027);
}

TEST_CASE("a resume keeps what was synced and re-checks the rest", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(10 * chunk_size + 5);
    {
        auto partial = source.open(*store, "f").value();
        source.send(*partial, 0);
        source.send(*partial, 10);  // the short one
        REQUIRE(partial->sync().ok());
        source.send(*partial, 4);  // not synced
        REQUIRE(partial->write(7 * chunk_size, std::vector<std::uint8_t>(1000, 1)).ok());
    }
    store.reopen();
    CHECK(store->catalog().find("f").partial->held_count() == 2);  // served from now on
    auto partial = source.open(*store, "f").value();
    CHECK(partial->resumed().kept_bytes == chunk_size + 5);
    CHECK(partial->resumed().rechecked_bytes == 2 * chunk_size);
    CHECK(partial->resumed().lost_bytes == chunk_size);
    CHECK(partial->held_count() == 3);
    CHECK(store->catalog().find("f").partial == partial);
    check_held(*partial, source);
    source.send_all(*partial);
    REQUIRE(store->finish(partial, safe("f")).ok());
    CHECK(store.dir.read("downloads/f") == source.bytes);
}

TEST_CASE("what was re-checked is journaled by the next sync", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(4 * chunk_size);
    source.send(*source.open(*store, "f").value(), 1);
    store.reopen();
    {
        auto partial = source.open(*store, "f").value();
        CHECK(partial->resumed().rechecked_bytes == chunk_size);
        REQUIRE(store->close_partial(partial).ok());
    }
    auto partial = source.open(*store, "f").value();
    CHECK(partial->resumed().kept_bytes == chunk_size);
    CHECK(partial->resumed().rechecked_bytes == 0);
}

TEST_CASE("a part that lost its length is checked again in full", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(4 * chunk_size);
    {
        auto partial = source.open(*store, "f").value();
        source.send(*partial, 0);
        source.send(*partial, 3);
        REQUIRE(store->close_partial(partial).ok());
    }
    fs::resize_file(store.dir / "downloads/f.part", chunk_size + 10);
    auto partial = source.open(*store, "f").value();
    CHECK(partial->resumed().kept_bytes == 0);
    CHECK(partial->held_count() == 1);
    check_held(*partial, source);
}

TEST_CASE("a damaged journal costs a re-check, no data", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(4 * chunk_size);
    {
        auto partial = source.open(*store, "f").value();
        source.send(*partial, 0);
        source.send(*partial, 3);
        REQUIRE(store->close_partial(partial).ok());
    }
    fs::resize_file(store.dir / "downloads/f.part.journal", 20);
    store.reopen();
    CHECK(store.state("f") == State::absent);  // nothing vouches for it
    auto partial = source.open(*store, "f").value();
    CHECK(partial->resumed().rechecked_bytes == 2 * chunk_size);
    CHECK(partial->resumed().lost_bytes == 0);
    CHECK(partial->held_count() == 2);
}

TEST_CASE("a part that is not ours is left alone", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    store.dir.write("downloads/f.part", "somebody's");
    auto partial = source.open(*store, "f").value();
    CHECK(partial->part_path() == "f." + source.tree.id.root.hex().substr(0, 8) + ".part");
    source.send_all(*partial);
    REQUIRE(store->finish(partial, safe("f")).ok());
    CHECK(store.dir.read("downloads/f.part").size() == 10);
    CHECK(store.dir.read("downloads/f") == source.bytes);
}

TEST_CASE("two versions of a name are downloaded side by side", "[store][partial]") {
    StoreFixture store;
    const DownloadSource one(2 * chunk_size, 1), two(3 * chunk_size, 2);
    auto first = one.open(*store, "f").value();
    auto second = two.open(*store, "f").value();
    one.send(*first, 0);
    two.send(*second, 0);
    CHECK(first->part_path() != second->part_path());
    CHECK(store->catalog().find(one.tree.id).partial == first);
    CHECK(store->catalog().find(two.tree.id).partial == second);
    REQUIRE(store->close_partial(first).ok());
    REQUIRE(store->close_partial(second).ok());
    store.reopen();
    CHECK(two.open(*store, "f").value()->resumed().kept_bytes == chunk_size);
    CHECK(one.open(*store, "f").value()->resumed().kept_bytes == chunk_size);
}

TEST_CASE("only one process downloads a file", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    auto partial = source.open(*store, "f").value();
    source.send(*partial, 0);
    REQUIRE(partial->sync().ok());
    auto options = store.options();
    options.state = store.dir / ".other";
    auto other = Store::open(options).value();
    CHECK(other->catalog().find("f").state == State::partial);  // but both serve it
    CHECK(source.open(*other, "f").error().kind == ErrorKind::busy);
    REQUIRE(store->close_partial(partial).ok());
    CHECK(source.open(*other, "f").ok());
}

TEST_CASE("what another process finishes is taken over", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    auto partial = source.open(*store, "f").value();
    source.send(*partial, 0);
    REQUIRE(partial->sync().ok());
    auto options = store.options();
    options.state = store.dir / ".other";
    auto other = Store::open(options).value();
    source.send(*partial, 1);
    REQUIRE(store->finish(partial, safe("f")).ok());
    partial.reset();  // it is a writer while it is open
    other->handle_watch(store.now);
    while (other->work(store.now)) {
    }
    CHECK(other->catalog().find("f").state == State::complete);
    CHECK(other->catalog().totals().partial == 0);
}

TEST_CASE("a final name is never written over", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    auto partial = source.open(*store, "f.txt").value();
    source.send_all(*partial);
    store.dir.write("downloads/f.txt", "mine");
    const Status finished = store->finish(partial, safe("f.txt"));
    REQUIRE_FALSE(finished.ok());
    CHECK(finished.error().kind == ErrorKind::exists);
    CHECK(store.dir.read("downloads/f.txt").size() == 4);
    const SafePath free = store->free_name(safe("f.txt")).value();
    CHECK(free.text() == "f (1).txt");
    REQUIRE(store->finish(partial, free).ok());
    CHECK(store.dir.read("downloads/f (1).txt") == source.bytes);
    CHECK(store->free_name(safe("f.txt"))->text() == "f (2).txt");
    CHECK(store->free_name(safe("d/" + std::string(255, 'n')))->name().size() == 255);
}

TEST_CASE("a download in which nothing arrived leaves nothing", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    auto partial = source.open(*store, "f").value();
    REQUIRE(store->close_partial(partial).ok());
    CHECK(fs::is_empty(store.dir / "downloads"));
    CHECK(store.state("f") == State::absent);
}

TEST_CASE("a journal left by a crash after the rename is harmless", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    auto partial = source.open(*store, "f").value();
    source.send_all(*partial);
    REQUIRE(partial->sync().ok());
    fs::copy(store.dir / "downloads/f.part.journal", store.dir / "kept");
    REQUIRE(store->finish(partial, safe("f")).ok());
    fs::copy(store.dir / "kept", store.dir / "downloads/f.part.journal");
    store.reopen();
    store.settle();
    CHECK(store.state("f") == State::complete);
    CHECK(store->catalog().totals().partial == 0);
    auto again = source.open(*store, "f").value();  // as after --rename
    CHECK(again->held_count() == 0);
}

TEST_CASE("names of 255 bytes can be downloaded", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    const std::string name = "x" + [] {
        std::string text;
        for (int i = 0; i < 127; ++i) {
            text += "\u00e9";
        }
        return text;
    }();
    REQUIRE(name.size() == 255);
    source.send(*source.open(*store, name).value(), 0);
    store.reopen();
    auto partial = source.open(*store, name).value();
    CHECK(partial->resumed().rechecked_bytes == chunk_size);
    source.send_all(*partial);
    REQUIRE(store->finish(partial, safe(name)).ok());
    CHECK(store.dir.read("downloads/" + name) == source.bytes);
}

TEST_CASE("what cannot be a partial file is refused", "[store][partial]") {
    StoreFixture store;
    const DownloadSource one_chunk(1000), several(2 * chunk_size);
    CHECK_FALSE(one_chunk.open(*store, "f").ok());
    CHECK_FALSE(store->open_partial(safe("f"), {0, {}}, {}).ok());
    CHECK_FALSE(store->open_partial(safe("f"), several.tree.id, {}).ok());
    auto huge = several.tree.id;
    huge.size = ~0ULL;
    CHECK_FALSE(store->open_partial(safe("f"), huge, several.tree.chunk_hashes).ok());
    CHECK_FALSE(several.open(*store, "f.part.journal").ok());  // would pass for one of ours
    auto partial = several.open(*store, "f").value();
    const std::vector<std::uint8_t> two(2);
    CHECK_FALSE(partial->write(2 * chunk_size - 1, two).ok());
    CHECK_FALSE(partial->write(~0ULL, two).ok());
}

TEST_CASE("a link in the place of a part is not followed", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    store.dir.write("victim", "precious");
    fs::create_symlink(store.dir / "victim", store.dir / "downloads/f.part");
    fs::create_symlink(store.dir / "victim", store.dir / "downloads/g.part.journal");
    const auto partial = source.open(*store, "f");
    CHECK((!partial.ok() || partial.value()->part_path() != "f.part"));
    CHECK_FALSE(source.open(*store, "g").ok());
    CHECK(store.dir.read("victim").size() == 8);
}
