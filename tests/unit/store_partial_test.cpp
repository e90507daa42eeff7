// Partial files: resuming, finishing, names that are taken.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

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
    REQUIRE(DownloadSource::finish(*store, partial, "a/b/film.mkv").ok());
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
    CHECK(store->catalog().find("f").partial->held_count() == 0);
    store.settle();
    CHECK(store->catalog().find("f").partial->held_count() == 2);  // proven: served from now on
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
    CHECK(partial->resumed().kept_bytes == chunk_size);
    CHECK(partial->resumed().lost_bytes == chunk_size);
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
    fs::resize_file(store.dir / "downloads/f.part.journal", 50);
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
    while (other->work(store.now)) {
    }
    CHECK(other->catalog().find("f").partial->held_count() == 1);  // but both serve it
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
    StoreFixture::wait_for_tick();
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

TEST_CASE("what a crash leaves right after the final name is harmless", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    const bool both_names = GENERATE(true, false);  // or the journal alone
    CAPTURE(both_names);
    auto partial = source.open(*store, "f").value();
    source.send_all(*partial);
    REQUIRE(partial->sync().ok());
    fs::create_hard_link(store.dir / "downloads/f.part.journal", store.dir / "kept");
    REQUIRE(store->finish(partial, safe("f")).ok());
    fs::rename(store.dir / "kept", store.dir / "downloads/f.part.journal");
    if (both_names) {
        fs::create_hard_link(store.dir / "downloads/f", store.dir / "downloads/f.part");
    }
    partial.reset();
    store.reopen();
    store.settle();
    CHECK(store.state("f") == State::complete);
    CHECK(store->catalog().totals().partial == 0);
    auto again = source.open(*store, "f").value();  // as after --rename
    CHECK(again->held_count() == 0);
    struct stat finished {
    }, part{};
    REQUIRE(::stat((store.dir / "downloads/f").c_str(), &finished) == 0);
    REQUIRE(::fstat(again->fd(), &part) == 0);
    CHECK(part.st_ino != finished.st_ino);  // or it would be written into the finished file
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
    const auto other = source.open(*store, "g");
    CHECK((!other.ok() || other.value()->part_path() != "g.part"));
    CHECK(store.dir.read("victim").size() == 8);
}

// What others do to a part -----------------------------------------------------------------------

TEST_CASE("what was journaled and changed since is not kept", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(6 * chunk_size);
    {
        auto partial = source.open(*store, "f").value();
        source.send(*partial, 0);
        source.send(*partial, 2);
        source.send(*partial, 5);
        REQUIRE(store->close_partial(partial).ok());
    }
    const std::string part = store.dir / "downloads/f.part";
    const bool zeroed = GENERATE(false, true);
    CAPTURE(zeroed);
    if (zeroed) {
        fs::resize_file(part, 0);
        fs::resize_file(part, 6 * chunk_size);
    } else {
        std::fstream out(part, std::ios::binary | std::ios::in | std::ios::out);
        out.seekp(2 * chunk_size + 100);
        out.write("not this", 8);
    }
    store.reopen();
    store.settle();
    const auto served = store->catalog().find("f").partial;
    REQUIRE(served);
    check_held(*served, source, store->catalog().open_part(*served)->get());
    CHECK(served->held_count() == (zeroed ? 0 : 2));
    auto partial = source.open(*store, "f").value();
    CHECK(partial->part_path() == "f.part");
    CHECK(partial->held_count() == (zeroed ? 0 : 2));
    CHECK(partial->resumed().kept_bytes == (zeroed ? 0 : 2 * chunk_size));
    check_held(*partial, source);
    REQUIRE(partial->sync().ok());
    source.send_all(*partial);
    REQUIRE(DownloadSource::finish(*store, partial, "f").ok());
    CHECK(store.dir.read("downloads/f") == source.bytes);
}

TEST_CASE("who meddles with a part under way is noticed", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(40 * chunk_size);
    auto partial = source.open(*store, "f").value();
    source.send(*partial, 0);
    const std::string part = store.dir / "downloads/f.part";
    std::string said;
    SECTION("cut") {
        fs::resize_file(part, 100);
        said = "cut";
    }
    SECTION("removed") {
        fs::remove(part);
        said = "removed";
    }
    SECTION("replaced") {
        fs::rename(part, store.dir / "away");
        store.dir.write("downloads/f.part", "mine");
        said = "moved away or replaced";
    }
    SECTION("the folder is gone") {
        fs::rename(store.dir / "downloads", store.dir / "gone");
        said = "the folder";
    }
    Status written;
    for (std::uint32_t chunk = 1; written.ok() && chunk < 40; ++chunk) {  // within a MiB or so
        written = partial->write(chunk * chunk_size, source.chunk_bytes(chunk));
    }
    REQUIRE_FALSE(written.ok());
    CHECK_THAT(written.error().message, Catch::Contains(said));
    CHECK((written.error().kind == ErrorKind::changed) == (said != "the folder"));
}

TEST_CASE("only the file that was verified gets the final name", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(4 * chunk_size);
    auto partial = source.open(*store, "f").value();
    source.send_all(*partial);
    const std::string part = store.dir / "downloads/f.part";
    SECTION("another stands in its place") {
        fs::rename(part, store.dir / "downloads/away");
        store.dir.write("downloads/f.part", "mine");
        const Status finished = DownloadSource::finish(*store, partial, "f");
        REQUIRE_FALSE(finished.ok());
        CHECK(finished.error().kind == ErrorKind::changed);
        CHECK_FALSE(store.dir.has("downloads/f"));
        CHECK(store.dir.read("downloads/f.part").size() == 4);
        (void)store->close_partial(partial);
        auto again = source.open(*store, "f").value();  // anew, and nothing of others is touched
        source.send_all(*again);
        REQUIRE(DownloadSource::finish(*store, again, "f").ok());
        CHECK(store.dir.read("downloads/f") == source.bytes);
        CHECK(store.dir.read("downloads/f.part").size() == 4);
    }
    SECTION("it was written to") {
        std::fstream out(part, std::ios::binary | std::ios::in | std::ios::out);
        out.write("not this", 8);
        out.close();
        CHECK(store->must_be_proven(*partial));
        partial->begin_proving_held();
        test::prove_all(*partial);
        CHECK(partial->held_count() == 3);
        CHECK_FALSE(store->finish(partial, safe("f")).ok());
        CHECK_FALSE(store.dir.has("downloads/f"));
    }
    SECTION("nobody has") { CHECK_FALSE(store->must_be_proven(*partial)); }
}

TEST_CASE("a folder in the place of a file is noticed before anything comes", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(2 * chunk_size);
    fs::create_directories(store.dir / "downloads/f");
    store.dir.write("downloads/d", "a file");
    for (const char* name : {"f", "d/g"}) {
        const auto refused = source.open(*store, name);
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().kind == ErrorKind::exists);
        CHECK_THAT(refused.error().message, Catch::Contains("folder"));
    }
    CHECK(fs::is_empty(store.dir / "downloads/f"));
    CHECK(store->open_partial(safe("f"), source.tree.id, source.tree.chunk_hashes, true).ok());
    CHECK_FALSE(store->free_name(safe("d/g")).ok());  // no other name would do
}

// Names like those of parts
// ------------------------------------------------------------------------

TEST_CASE("files may be called like parts and journals", "[store][partial]") {
    StoreFixture store;
    const DownloadSource film(3 * chunk_size, 1), part(4 * chunk_size, 2), journal(1000, 3);
    auto first = film.open(*store, "x").value();
    film.send(*first, 0);
    REQUIRE(first->sync().ok());
    const bool open = GENERATE(true, false);  // or left by an earlier run
    CAPTURE(open);
    if (!open) {
        REQUIRE(store->close_partial(first).ok());
        first.reset();
        store.reopen();
    }
    auto second = part.open(*store, "x.part").value();
    part.send_all(*second);
    REQUIRE(DownloadSource::finish(*store, second, "x.part").ok());
    const SmallFile small{safe("x.part.journal"), journal.tree.id, journal.bytes};
    REQUIRE(store->save_small(std::span(&small, 1)).front().ok());
    CHECK(store.dir.read("downloads/x.part") == part.bytes);
    CHECK(store.dir.read("downloads/x.part.journal") == journal.bytes);
    if (!open) {
        first = film.open(*store, "x").value();
        CHECK(first->resumed().kept_bytes == chunk_size);
    }
    film.send_all(*first);
    REQUIRE(DownloadSource::finish(*store, first, "x").ok());
    CHECK(store.dir.read("downloads/x") == film.bytes);
    second.reset();
    first.reset();
    store.reopen();
    store.settle();
    CHECK(store.names() == std::vector<std::string>{"x", "x.part", "x.part.journal"});
}

TEST_CASE("a user's files under parts' names are left alone", "[store][partial]") {
    StoreFixture store;
    const DownloadSource large(2 * chunk_size), small(1000, 5);
    const std::string mark = large.tree.id.root.hex().substr(0, 8);
    const std::string small_mark = small.tree.id.root.hex().substr(0, 8);
    const std::vector<std::string> names{"x.part", "x.part.journal", "x." + mark + ".part",
                                         "x." + mark + ".part.journal",
                                         "s." + small_mark + ".part"};
    for (const std::string& name : names) {
        store.dir.write("downloads/" + name, "mine: " + name);
    }
    store.follow();
    auto partial = large.open(*store, "x").value();
    large.send_all(*partial);
    REQUIRE(DownloadSource::finish(*store, partial, "x").ok());
    const SmallFile file{safe("s"), small.tree.id, small.bytes};
    REQUIRE(store->save_small(std::span(&file, 1)).front().ok());
    for (const std::string& name : names) {
        CHECK(store.dir.read("downloads/" + name).size() == 6 + name.size());
        CHECK(store.state(name) == State::complete);  // and offered like any other
    }
    CHECK(store.dir.read("downloads/x") == large.bytes);
    CHECK(store.dir.read("downloads/s") == small.bytes);
}

TEST_CASE("a pair that was copied here is used and not touched", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(4 * chunk_size);
    {
        auto partial = source.open(*store, "f").value();
        source.send(*partial, 1);
        REQUIRE(store->close_partial(partial).ok());
    }
    for (const std::string name : {"f.part", "f.part.journal"}) {
        fs::copy(store.dir / ("downloads/" + name), store.dir / name);
        fs::remove(store.dir / ("downloads/" + name));
        fs::copy(store.dir / name, store.dir / ("downloads/" + name));
    }
    const auto before = store.dir.read("downloads/f.part");
    store.reopen();
    auto partial = source.open(*store, "f").value();
    CHECK(partial->part_path() != "f.part");
    CHECK(partial->resumed().kept_bytes == chunk_size);
    check_held(*partial, source);
    source.send_all(*partial);
    REQUIRE(DownloadSource::finish(*store, partial, "f").ok());
    CHECK(store.dir.read("downloads/f") == source.bytes);
    CHECK(store.dir.read("downloads/f.part") == before);
}
