// What can happen to a stream while a gateway reads from it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../support/test_gateway.hpp"
#include "peer/reading.hpp"

namespace shoal::peer {
namespace {

using test::await;
using test::put;
using test::Reader;
using test::TestPeer;
using test::wait;

constexpr std::uint64_t MiB = limits::MiB;

std::uint64_t figure(TestPeer& peer, const std::string& key) {
    return std::stoull(test::status_of(peer.api()).at(key));
}

std::uint64_t received(TestPeer& peer) { return figure(peer, "received"); }

struct Pair {
    Pair() : far(2, {3}), near(3, {2}) {}
    void start() {
        far.start();
        near.start();
        near.wait_hosts(1);
    }
    TestPeer far, near;
};

const Bytes content = test::random_content(4 * MiB, 1);

}  // namespace

TEST_CASE("a file that is changed while it is read ends in an error, never in wrong bytes") {
    TestPeer peer(2, {});
    peer.start();
    REQUIRE(put(peer.api(), "f", content).ok());
    Reader reader(peer.api(), {"f", {}, 0});
    reader.read_to(MiB);
    SECTION("written to") {
        std::ofstream(peer.dir / "shared/f", std::ios::app) << "more";
        reader.read_all();
        REQUIRE(reader.error);
        CHECK(reader.error->kind == ErrorKind::changed);
        Reader next(peer.api(), {"f", {}, 0});
        CHECK(next.read_all().size() == content.size() + 4);
    }
    SECTION("replaced, which leaves the old content whole") {
        const Bytes other = test::random_content(10'000, 2);
        REQUIRE(put(peer.api(), "f", other).ok());
        CHECK((reader.read_all() == content));
        CHECK(!reader.error);
        CHECK((Reader(peer.api(), {"f", {}, 0}).read_all() == other));
    }
    SECTION("renamed and given another time") {
        CHECK(wait<void>([&](auto then) { peer.api().rename("f", "g", false, then); }).ok());
        CHECK(wait<void>([&](auto then) { peer.api().set_mtime("g", 5, then); }).ok());
        CHECK((reader.read_all() == content));
        CHECK(!reader.error);
    }
    SECTION("deleted") {
        CHECK(wait<void>([&](auto then) { peer.api().remove("f", then); }).ok());
        CHECK((reader.read_all() == content));
        CHECK(!reader.error);
        CHECK(Reader(peer.api(), {"f", {}, 0}).error->kind == ErrorKind::not_found);
    }
}

TEST_CASE("a new status of a file that is read is looked into, and ends nothing") {
    TestPeer peer(2, {});
    peer.start();
    REQUIRE(put(peer.api(), "f", content).ok());
    const std::string path = peer.dir / "shared/f";
    Reader reader(peer.api(), {"f", {}, 0});
    reader.read_to(MiB);
    SECTION("a link, another mode, another name: the content is the same") {
        test::expect(::link(path.c_str(), (peer.dir / "shared/link").c_str()) == 0);
        reader.read_to(2 * MiB);
        test::expect(::chmod(path.c_str(), 0600) == 0);
        CHECK((reader.read_all() == content));
        CHECK(!reader.error);
        test::expect(::chmod(path.c_str(), 0640) == 0);
        reader.read_all();  // the end, once more
        CHECK(!reader.error);
    }
    SECTION("another content, with the time set back") {
        struct stat before {};
        test::expect(::stat(path.c_str(), &before) == 0);
        const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        test::expect(::pwrite(fd.get(), "other", 5, 100) == 5);
        const timespec times[] = {before.st_atim, before.st_mtim};
        test::expect(::futimens(fd.get(), times) == 0);
        reader.read_all();
        REQUIRE(reader.error);
        CHECK(reader.error->kind == ErrorKind::changed);
    }
    reader.stream.reset();
    peer.stop();
}

TEST_CASE("how a file is to what was hashed") {
    const store::Stamp hashed{1, 2, 3, 4, 5};
    struct Case {
        store::Stamp now;
        bool deleted;
        Sameness is;
    };
    for (const Case& one : {Case{{1, 2, 3, 4, 5}, false, Sameness::same},
                            Case{{1, 2, 3, 4, 6}, false, Sameness::unproven},
                            Case{{1, 2, 3, 4, 6}, true, Sameness::same},
                            Case{{1, 2, 3, 7, 5}, false, Sameness::changed},
                            Case{{1, 2, 4, 4, 6}, true, Sameness::changed},
                            Case{{1, 9, 3, 4, 5}, false, Sameness::changed},
                            Case{{9, 2, 3, 4, 5}, false, Sameness::changed}}) {
        CHECK(sameness_of(hashed, one.now, one.deleted) == one.is);
    }
}

TEST_CASE("readers of one content share its fetch") {
    Pair peers;
    peers.far.options.max_upload = 8 * MiB;
    peers.start();
    REQUIRE(put(peers.far.api(), "f", content).ok());
    Reader first(peers.near.api(), {"f", {}, 0});
    first.read_to(MiB / 2);
    Reader second(peers.near.api(), {"f", {}, 0});
    Reader third(peers.near.api(), {"f", {}, 3 * MiB});
    CHECK((second.read_all() == content));
    CHECK((first.read_all() == content));
    CHECK((third.read_all() == Bytes(content.begin() + 3 * MiB, content.end())));
    CHECK(received(peers.near) < content.size() + MiB / 2);
}

TEST_CASE("when the last reader goes the fetch ends, and the next goes on where it was") {
    Pair peers;
    peers.far.options.max_upload = 4 * MiB;
    peers.start();
    REQUIRE(put(peers.far.api(), "f", content).ok());
    {
        Reader reader(peers.near.api(), {"f", {}, 0});
        reader.read_to(MiB);
        CHECK(std::equal(reader.got.begin(), reader.got.end(), content.begin()));
    }
    await([&] { return figure(peers.near, "partial") == 1; });
    const std::uint64_t before = received(peers.near);
    CHECK(before < content.size());
    CHECK((Reader(peers.near.api(), {"f", {}, 0}).read_all() == content));
    CHECK(received(peers.near) < content.size() + MiB);
    await([&] { return peers.near.dir.has("downloads/f"); });
}

TEST_CASE("readers are told when all who have the file are gone") {
    Pair peers;
    peers.far.options.max_upload = MiB;
    peers.start();
    REQUIRE(put(peers.far.api(), "f", content).ok());
    Reader reader(peers.near.api(), {"f", {}, 0});
    reader.read_to(MiB / 4);
    peers.far.stop();
    reader.read_all();
    REQUIRE(reader.error);
    CHECK(reader.error->kind == ErrorKind::closed);
    CHECK(reader.got.size() < content.size());
    CHECK(std::equal(reader.got.begin(), reader.got.end(), content.begin()));
}

TEST_CASE("a peer that ends tells its readers, and handles may outlive it") {
    Pair peers;
    peers.far.options.max_upload = MiB;
    peers.start();
    REQUIRE(put(peers.far.api(), "f", content).ok());
    Reader reader(peers.near.api(), {"f", {}, 0});
    auto upload = wait<UploadPtr>([&](auto then) { peers.near.api().upload({"u", 0}, then); });
    reader.read_to(MiB / 4);
    peers.near.stop();
    reader.read_all();
    CHECK(reader.error);
    const auto late = wait<Published>([&](auto then) { (*upload)->commit({}, then); });
    CHECK(late.error().kind == ErrorKind::closed);
    upload->reset();
    CHECK(std::filesystem::is_empty(peers.near.dir / "shared"));
}

TEST_CASE("what came through a gateway goes when it is too much, what a user fetched stays") {
    Pair peers;
    peers.near.options.cache_size = 3 * MiB;
    peers.start();
    const Bytes two = test::random_content(2 * MiB, 5);
    for (const char* name : {"a", "b", "c"}) {
        REQUIRE(put(peers.far.api(), name, two, {{}, name[0], false}).ok());
    }
    REQUIRE(put(peers.far.api(), "a", content).ok());
    const auto here = [&](const std::string& name) {
        return peers.near.dir.has("downloads/" + name);
    };
    CHECK(test::fetch(peers.near.api(), "a") == Outcome::done);
    CHECK((Reader(peers.near.api(), {"b", {}, 0}).read_all() == two));
    await([&] { return here("b"); });
    REQUIRE(put(peers.far.api(), "c", test::random_content(2 * MiB, 6)).ok());
    CHECK(Reader(peers.near.api(), {"c", {}, 0}).read_all().size() == two.size());
    await([&] { return here("c") && !here("b"); });
    CHECK(here("a"));

    peers.near.stop();  // the book outlives a restart
    peers.near.start();
    peers.near.wait_hosts(1);
    CHECK(test::fetch(peers.near.api(), "c") == Outcome::done);  // now it is the user's
    CHECK((Reader(peers.near.api(), {"b", {}, 0}).read_all() == two));
    await([&] { return here("b"); });
    CHECK((here("a") && here("c")));
}

TEST_CASE("a newer content takes the place of a cached one") {
    Pair peers;
    peers.start();
    const Bytes old = test::random_content(300'000, 5);
    const Bytes small = test::random_content(3'000, 7);
    REQUIRE(put(peers.far.api(), "f", old).ok());
    CHECK((Reader(peers.near.api(), {"f", {}, 0}).read_all() == old));
    await([&] { return peers.near.dir.has("downloads/f"); });
    for (const Bytes& next : {content, small, old}) {
        REQUIRE(put(peers.far.api(), "f", next).ok());
        CHECK((Reader(peers.near.api(), {"f", {}, 0}).read_all() == next));
        await([&] { return peers.near.dir.read("downloads/f") == next; });
    }
}

TEST_CASE("a file that the user fetches is read while it comes") {
    Pair peers;
    peers.far.options.max_upload = 8 * MiB;
    peers.start();
    REQUIRE(put(peers.far.api(), "f", content).ok());
    auto ended = test::fetch_later(peers.near.api(), "f");
    await([&] { return received(peers.near) > MiB / 2; });
    CHECK(Reader(peers.near.api(), {"f", {}, 2 * MiB}).read_all() ==
          Bytes(content.begin() + 2 * MiB, content.end()));
    CHECK(ended->wait() == Outcome::done);
    CHECK(received(peers.near) < content.size() + MiB / 2);
}

}  // namespace shoal::peer
