// Partial files when things go wrong: failing writes, full disks, crashes, many threads.
#include <sys/mount.h>
#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "../support/download_source.hpp"

using namespace shoal;
using namespace shoal::store;
using shoal::test::check_held;
using shoal::test::DownloadSource;
using shoal::test::safe;
using shoal::test::StoreFixture;
using shoal::test::TempDir;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk_size = limits::chunk_size_min;

}  // namespace

TEST_CASE("a failed write is said and nothing is lost", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(4 * chunk_size);
    auto partial = source.open(*store, "f").value();
    source.send(*partial, 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{2 * chunk_size, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const Status written = partial->write(3 * chunk_size, source.chunk_bytes(3));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(written.ok());
    CHECK(written.error().message.find("f.part") != std::string::npos);
    check_held(*partial, source);
    source.send_all(*partial);
    REQUIRE(store->finish(partial, safe("f")).ok());
    CHECK(store.dir.read("downloads/f") == source.bytes);
}

TEST_CASE("a full disk parks a download", "[store][partial]") {
    TempDir dir;
    const std::string disk = dir / "disk";
    fs::create_directory(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
        WARN("SKIPPED: a small tmpfs can only be mounted by root");
        return;
    }
    {
        auto store = Store::open({dir / "shared", disk, dir / ".shoal", true, true}).value();
        const DownloadSource large(2 * 1024 * 1024), fitting(900 * 1024);
        const auto refused = large.open(*store, "large");
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().kind == ErrorKind::no_space);
        CHECK(refused.error().message.find("needs 2") != std::string::npos);
        CHECK(fs::is_empty(disk));

        auto partial = fitting.open(*store, "fitting").value();
        dir.write("disk/filler", test::random_content(500 * 1024, 9));
        Status written;
        std::uint32_t chunk = 0;
        for (; written.ok() && chunk < fitting.tree.chunk_hashes.size(); ++chunk) {
            written = partial->write(partial->geometry().chunk_offset({chunk}),
                                     fitting.chunk_bytes(chunk));
            if (written.ok()) {
                partial->mark_verified({chunk});
            }
        }
        REQUIRE_FALSE(written.ok());
        CHECK(written.error().kind == ErrorKind::no_space);
        (void)partial->sync();
        fs::remove(disk + "/filler");
        fitting.send_all(*partial);
        REQUIRE(store->finish(partial, safe("fitting")).ok());
        CHECK(dir.read("disk/fitting") == fitting.bytes);
    }
    CHECK(::umount(disk.c_str()) == 0);
}

// The state after any prefix of the work, as a kill leaves it, and as a power cut does, which
// takes what was not synced.
TEST_CASE("after a crash at any point every promised chunk is right", "[store][partial]") {
    const std::uint64_t seed = GENERATE(range(1, 16));
    CAPTURE(seed);
    SmallRandom random(seed);
    StoreFixture store;
    const DownloadSource source(12 * chunk_size + random.below(chunk_size), seed);
    const auto chunks = static_cast<std::uint32_t>(source.tree.chunk_hashes.size());
    auto partial = source.open(*store, "f").value();
    Bitmap synced(chunks);
    std::vector<std::uint32_t> written;
    for (int step = 0; step < 12; ++step) {
        const auto chunk = static_cast<std::uint32_t>(random.below(chunks));
        switch (random.below(3)) {
            case 0:
                REQUIRE(partial->sync().ok());
                synced = partial->held();
                written.clear();
                break;
            case 1:
                if (!partial->holds(ChunkIndex{chunk})) {
                    REQUIRE(partial
                                ->write(partial->geometry().chunk_offset({chunk}),
                                        source.chunk_bytes(chunk).first(1))
                                .ok());
                    written.push_back(chunk);
                }
                break;
            default:
                if (!partial->holds(ChunkIndex{chunk})) {
                    source.send(*partial, chunk);
                    written.push_back(chunk);
                }
        }
        TempDir crashed;
        fs::copy(store.dir / "downloads", crashed / "downloads", fs::copy_options::recursive);
        const bool power_cut = random.below(2) == 0;
        for (const std::uint32_t lost : power_cut ? written : std::vector<std::uint32_t>{}) {
            std::fstream out(crashed / "downloads/f.part",
                             std::ios::binary | std::ios::in | std::ios::out);
            out.seekp(static_cast<std::streamoff>(lost) * static_cast<std::streamoff>(chunk_size));
            out.write("gone", 4);
        }
        auto after = Store::open({crashed / "shared", crashed / "downloads", crashed / ".shoal",
                                  true, false})
                         .value();
        if (const auto served = after->catalog().find("f").partial) {
            const Fd fd = after->catalog().open_part(*served).value();
            check_held(*served, source, fd.get());
        }
        auto resumed = source.open(*after, "f").value();
        check_held(*resumed, source);
        std::uint64_t kept = 0;
        for (std::uint32_t i = 0; i < chunks; ++i) {
            kept += synced.test(i) ? resumed->geometry().chunk_length({i}) : 0;
        }
        REQUIRE(resumed->resumed().kept_bytes == kept);
        REQUIRE(resumed->held_count() >= synced.count());
    }
}

TEST_CASE("main, requester and reader share a partial file", "[store][partial]") {
    StoreFixture store;
    const DownloadSource source(100 * chunk_size);
    auto partial = source.open(*store, "f").value();
    std::atomic<bool> done{false};
    std::size_t wrong = 0;
    std::thread requester([&] {
        for (std::uint32_t chunk = 0; chunk < 100; ++chunk) {
            const std::uint32_t shuffled = chunk * 37 % 100;
            (void)partial->write(shuffled * chunk_size, source.chunk_bytes(shuffled));
            partial->mark_verified({shuffled});
        }
        done = true;
    });
    std::thread reader([&] {
        std::vector<std::uint8_t> found(chunk_size);
        std::uint64_t generation = 0;
        for (std::uint32_t chunk = 0; !done; chunk = (chunk + 1) % 100) {
            const auto held = store->catalog().find(source.tree.id).partial;
            const std::uint64_t next = store->catalog().generation();
            wrong += next < std::exchange(generation, next) ? 1 : 0;
            if (held && held->holds(ChunkIndex{chunk})) {
                const auto size = ::pread(held->fd(), found.data(), found.size(),
                                          static_cast<off_t>(chunk * chunk_size));
                const auto expected = source.chunk_bytes(chunk);
                const bool same = size == static_cast<ssize_t>(chunk_size) &&
                                  std::equal(found.begin(), found.end(), expected.begin());
                wrong += same ? 0 : 1;
            }
        }
    });
    while (!done) {
        CHECK(partial->sync().ok());
        store.take_events();
        (void)store->work(store.now);
    }
    requester.join();
    reader.join();
    CHECK(wrong == 0);
    REQUIRE(store->finish(partial, safe("f")).ok());
    CHECK(store.dir.read("downloads/f") == source.bytes);
}
