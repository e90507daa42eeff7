#include <catch2/catch.hpp>

#include "../support/download_source.hpp"
#include "peer/checks.hpp"

namespace shoal::peer {
namespace {

struct ChecksScene {
    void add(std::uint32_t chunk) { checks.add({1, partial, ChunkIndex{chunk}, 1}); }

    test::StoreFixture store;
    test::DownloadSource source{20 * limits::chunk_size_min + 1};
    std::shared_ptr<store::PartialFile> partial = source.open(*store, "f").value();
    Checks checks;
};

TEST_CASE("neighbouring chunks are hashed together, up to a slice", "[checks]") {
    ChecksScene scene;
    for (const std::uint32_t chunk : {3U, 4U, 5U, 6U, 7U, 9U, 8U}) {
        scene.add(chunk);
    }
    CHECK(scene.checks.waiting_bytes() == 7 * limits::chunk_size_min);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> taken;
    while (const auto check = scene.checks.take()) {
        taken.emplace_back(check->first.value, check->count);
        CHECK(check->leaves().count <= limits::receive_slice_leaves);
    }
    const std::vector<std::pair<std::uint32_t, std::uint32_t>> expected{
        {3, 4}, {7, 1}, {9, 1}, {8, 1}};
    CHECK(taken == expected);
    CHECK(scene.checks.waiting_bytes() == 0);
}

TEST_CASE("a check ends with the file", "[checks]") {
    ChecksScene scene;
    scene.add(19);
    scene.add(20);
    const auto check = scene.checks.take();
    REQUIRE(check);
    CHECK(check->count == 2);
    CHECK(check->leaves() == LeafRun{{19 * 4}, 5});
    scene.source.send_all(*scene.partial);
    std::vector<std::uint8_t> scratch;
    const auto leaves = scene.partial->hash_leaves(check->leaves(), scratch);
    REQUIRE(leaves.ok());
    CHECK(integrity::chunk_hash(std::span(*leaves).last(1), scene.partial->geometry()) ==
          scene.source.tree.chunk_hashes[20]);
}

TEST_CASE("main is woken when it pays, and once", "[checks]") {
    ChecksScene scene;
    for (std::uint32_t chunk = 0; chunk < 15; ++chunk) {
        scene.add(chunk);
        CHECK_FALSE(scene.checks.call_help());
    }
    scene.add(15);
    CHECK(scene.checks.call_help());
    CHECK_FALSE(scene.checks.call_help());
    scene.checks.help_ends();
    CHECK(scene.checks.call_help());
    scene.checks.help_ends();
    while (scene.checks.take()) {
    }
    CHECK_FALSE(scene.checks.call_help());
}

TEST_CASE("it is known how long the oldest waits", "[checks]") {
    ChecksScene scene;
    CHECK_FALSE(scene.checks.waiting_since());
    const TimePoint before = steady_now();
    scene.add(3);
    const auto since = scene.checks.waiting_since();
    REQUIRE(since);
    CHECK(*since >= before);
    scene.add(9);
    CHECK(scene.checks.waiting_since() == since);
    scene.checks.take();
    scene.checks.take();
    CHECK_FALSE(scene.checks.waiting_since());
}

}  // namespace
}  // namespace shoal::peer
