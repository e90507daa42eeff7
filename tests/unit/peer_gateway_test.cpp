// Gateways at the door of whole peers, over loopback.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../support/test_gateway.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::peer {
namespace {

using test::await;
using test::look;
using test::names;
using test::put;
using test::Reader;
using test::TestPeer;
using test::wait;

TEST_CASE("a gateway writes, lists, reads and changes this host's shared folder") {
    TestPeer peer(2, {});
    peer.start();
    GatewayApi& api = peer.api();
    const Bytes content = test::random_content(300'000, 1);

    const auto published = put(api, "a/b/file.bin", content);
    REQUIRE(published.ok());
    CHECK(published->size == content.size());
    CHECK(published->root.size() == 64);
    CHECK(names(api, "") == std::vector<std::string>{"a/"});
    CHECK(names(api, "a/b") == std::vector<std::string>{"file.bin"});
    const auto entry = look(api, "a/b/file.bin");
    REQUIRE(entry.ok());
    CHECK(entry->root == published->root);
    CHECK((entry->shared && entry->here && !entry->folder));
    CHECK(look(api, "a")->folder);

    Reader reader(api, {"a/b/file.bin", {}, 1000});
    CHECK((reader.read_all() == Bytes(content.begin() + 1000, content.end())));
    CHECK(!reader.error);

    const auto done = [](auto call) { return wait<void>(call); };
    CHECK(done([&](auto then) { api.make_folder("empty/deep", then); }).ok());
    CHECK(names(api, "empty") == std::vector<std::string>{"deep/"});
    CHECK(done([&](auto then) { api.make_folder("empty", then); }).error().kind ==
          ErrorKind::exists);
    CHECK(done([&](auto then) { api.remove_folder("empty", then); }).error().kind ==
          ErrorKind::exists);
    CHECK(done([&](auto then) { api.remove_folder("empty/deep", then); }).ok());
    CHECK(done([&](auto then) { api.remove_folder("empty", then); }).ok());

    CHECK(done([&](auto then) { api.set_mtime("a/b/file.bin", 86'400, then); }).ok());
    CHECK(look(api, "a/b/file.bin")->mtime == 86'400);
    CHECK(done([&](auto then) { api.rename("a/b/file.bin", "c.bin", false, then); }).ok());
    CHECK(look(api, "c.bin")->root == published->root);
    CHECK(done([&](auto then) { api.rename("a", "z", false, then); }).ok());
    CHECK(names(api, "") == std::vector<std::string>{"c.bin", "z/"});

    const auto hash = [&](std::uint64_t begin, std::uint64_t end) {
        Ticket ticket;
        return wait<std::string>(
            [&](auto then) { ticket = api.sha256("c.bin", begin, end, then); });
    };
    CHECK(*hash(0, UINT64_MAX) == integrity::sha256(content).hex());
    CHECK(*hash(10, 20) == integrity::sha256(std::span(content).subspan(10, 10)).hex());

    CHECK(done([&](auto then) { api.remove("c.bin", then); }).ok());
    CHECK(look(api, "c.bin").error().kind == ErrorKind::not_found);
    CHECK(done([&](auto then) { api.remove("../x", then); }).error().kind == ErrorKind::bad_input);
    peer.stop();
    CHECK(peer.exit_code == 0);
}

TEST_CASE("an upload replaces, adds to or leaves alone what is there") {
    TestPeer peer(2, {});
    peer.start();
    GatewayApi& api = peer.api();
    const Bytes first = test::random_content(100'000, 1);
    const Bytes second = test::random_content(70'000, 2);
    REQUIRE(put(api, "f", first).ok());
    const auto content = [&] { return Reader(api, {"f", {}, 0}).read_all(); };

    CHECK(put(api, "f", second, {{}, {}, true}).error().kind == ErrorKind::exists);
    CHECK((content() == first));
    {
        const auto dropped = wait<UploadPtr>([&](auto then) { api.upload({"f", 0}, then); });
        REQUIRE(::write((*dropped)->fd(), "x", 1) == 1);
    }
    CHECK((content() == first));
    REQUIRE(put(api, "f", second, {}, UINT64_MAX).ok());
    Bytes both = first;
    both.insert(both.end(), second.begin(), second.end());
    CHECK((content() == both));
    REQUIRE(put(api, "f", second, {{}, 1'000'000}, 500).ok());
    both.assign(first.begin(), first.begin() + 500);
    both.insert(both.end(), second.begin(), second.end());
    CHECK((content() == both));
    CHECK(look(api, "f")->mtime == 1'000'000);
    CHECK(put(api, "f", second, {}, 1'000'000).error().kind == ErrorKind::bad_input);
    CHECK(put(api, "f/g", second).error().kind != ErrorKind::system);
    peer.stop();
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(peer.options.shared)) {
        CHECK(entry.path().filename() == "f");
        ++files;
    }
    CHECK(files == 1);
}

TEST_CASE("a file that others hold is read in order, kept, and read from here again") {
    TestPeer a(2, {4});
    TestPeer b(3, {4});
    TestPeer c(4, {2, 3});
    a.start();
    b.start();
    const Bytes big = test::random_content(9'000'000, 1);
    const Bytes small = test::random_content(5'000, 2);
    const CommitOrder order{{}, 1'234'567, false};
    REQUIRE(put(a.api(), "d/big", big, order).ok());
    REQUIRE(put(b.api(), "d/big", big, order).ok());
    REQUIRE(put(a.api(), "d/small", small, order).ok());
    REQUIRE(put(b.api(), "d/e/empty", {}, order).ok());
    c.start();
    c.wait_hosts(2);
    GatewayApi& api = c.api();

    CHECK(names(api, "") == std::vector<std::string>{"d/"});
    CHECK(names(api, "d") == std::vector<std::string>{"big", "e/", "small"});
    CHECK(look(api, "d/e")->folder);
    const auto entry = look(api, "d/big");
    REQUIRE(entry.ok());
    CHECK(entry->holders == 2);
    CHECK(entry->mtime == 1'234'567);
    CHECK((!entry->here && !entry->shared));
    CHECK(wait<void>([&](auto then) { api.remove("d/big", then); }).error().kind ==
          ErrorKind::forbidden);

    Reader early(api, {"d/big", {}, 0});
    Reader late(api, {"d/big", entry->root.substr(0, 8), 8'000'000});
    CHECK((late.read_all() == Bytes(big.begin() + 8'000'000, big.end())));
    CHECK((early.read_all() == big));
    CHECK((!early.error && !late.error));
    CHECK((Reader(api, {"d/small", {}, 0}).read_all() == small));
    Reader empty(api, {"d/e/empty", {}, 0});
    CHECK((empty.read_all().empty() && !empty.error));
    CHECK(Reader(api, {"d/none", {}, 0}).error->kind == ErrorKind::not_found);
    CHECK(Reader(api, {"d", {}, 0}).error->kind == ErrorKind::bad_input);

    await([&] { return c.dir.has("downloads/d/big") && c.dir.has("downloads/d/small"); });
    await([&] { return look(api, "d/big")->here; });
    a.stop();
    b.stop();
    c.wait_hosts(0);
    Reader kept(api, {"d/big", {}, 0});
    CHECK((kept.read_all() == big));
    CHECK(look(api, "d/big")->mtime == 1'234'567);
    CHECK(look(api, "d/big")->here);
    CHECK((Reader(api, {"d/small", {}, 0}).read_all() == small));
}

}  // namespace
}  // namespace shoal::peer
