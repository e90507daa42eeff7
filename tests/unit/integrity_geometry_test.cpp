#include <catch2/catch.hpp>

#include "shoal/base/random.hpp"
#include "shoal/integrity/geometry.hpp"

using namespace shoal;
using namespace shoal::integrity;
using namespace shoal::limits;

static_assert(chunk_size_for(0) == 64 * KiB);
static_assert(chunk_size_for(256 * MiB) == 64 * KiB);
static_assert(chunk_size_for(256 * MiB + 1) == 128 * KiB);
static_assert(chunk_size_for(512 * MiB) == 128 * KiB);
static_assert(chunk_size_for(512 * MiB + 1) == 256 * KiB);
static_assert(chunk_size_for(16 * GiB) == 4 * MiB);
static_assert(chunk_size_for(file_size_max) == 4 * MiB);
static_assert(Geometry(file_size_max).chunk_count() == chunk_count_max);
static_assert(Geometry(0).chunk_count() == 0 && Geometry(0).leaf_count() == 0);
static_assert(Geometry(1).chunk_count() == 1 && Geometry(1).leaf_count() == 1);
static_assert(Geometry(64 * KiB + 1).chunk_length(ChunkIndex{1}) == 1);
// 102 leaves in chunks of 4; the last chunk has 2.
static_assert(Geometry(102 * 16 * KiB).is_of_whole_chunks({LeafIndex{4}, 8}));
static_assert(Geometry(102 * 16 * KiB).is_of_whole_chunks({LeafIndex{100}, 2}));
static_assert(!Geometry(102 * 16 * KiB).is_of_whole_chunks({LeafIndex{4}, 6}));
static_assert(!Geometry(102 * 16 * KiB).is_of_whole_chunks({LeafIndex{5}, 3}));
static_assert(!Geometry(102 * 16 * KiB).is_of_whole_chunks({LeafIndex{100}, 1}));

namespace {

// Sizes of all magnitudes, and the ones next to a boundary.
std::uint64_t random_size(SmallRandom& random) {
    const std::uint64_t magnitude = std::uint64_t{1} << random.below(41);
    const std::uint64_t near = random.below(2) == 0 ? random.below(magnitude) : random.below(3);
    return std::min(file_size_max, std::max<std::uint64_t>(1, magnitude - 1 + near));
}

}  // namespace

TEST_CASE("chunks partition the file, and leaves partition every chunk") {
    SmallRandom random(1);
    for (int round = 0; round < 100; ++round) {
        const Geometry geometry(random_size(random));
        INFO("size " << geometry.file_size());
        std::uint64_t bytes = 0;
        std::uint64_t leaves = 0;
        for (ChunkIndex chunk{0}; chunk.value < geometry.chunk_count(); ++chunk) {
            REQUIRE(geometry.chunk_offset(chunk) == bytes);
            REQUIRE(geometry.first_leaf(chunk).value == leaves);
            REQUIRE(geometry.chunk_length(chunk) > 0);
            REQUIRE(geometry.chunk_of(LeafIndex{leaves}) == chunk);
            bytes += geometry.chunk_length(chunk);
            leaves += geometry.leaves_in(chunk);
            REQUIRE(geometry.chunk_of(LeafIndex{leaves - 1}) == chunk);
        }
        REQUIRE(bytes == geometry.file_size());
        REQUIRE(leaves == geometry.leaf_count());
    }
}

TEST_CASE("the chunk size stays within its limits and grows with the file only") {
    SmallRandom random(2);
    for (int round = 0; round < 10'000; ++round) {
        const std::uint64_t size = random_size(random);
        const std::uint32_t chunk = chunk_size_for(size);
        INFO("size " << size);
        REQUIRE((chunk & (chunk - 1)) == 0);
        REQUIRE(chunk >= chunk_size_min);
        REQUIRE(chunk <= chunk_size_max);
        REQUIRE(chunk_size_for(size - 1) <= chunk);
        if (chunk < chunk_size_max)
            REQUIRE(Geometry(size).chunk_count() <= chunk_count_target);
        if (chunk > chunk_size_min)
            REQUIRE(size > std::uint64_t{chunk / 2} * chunk_count_target);
    }
}

TEST_CASE("a run is accepted only when it lies in the file and within the limit") {
    const Geometry geometry(100 * leaf_size + 5);  // 101 leaves
    CHECK(geometry.contains({LeafIndex{0}, 1}));
    CHECK(geometry.contains({LeafIndex{0}, run_leaves_max}));
    CHECK(geometry.contains({LeafIndex{100}, 1}));
    CHECK(geometry.contains({LeafIndex{37}, 64}));
    CHECK_FALSE(geometry.contains({LeafIndex{38}, 64}));
    CHECK_FALSE(geometry.contains({LeafIndex{0}, 0}));
    CHECK_FALSE(geometry.contains({LeafIndex{0}, run_leaves_max + 1}));
    CHECK_FALSE(geometry.contains({LeafIndex{101}, 1}));
    CHECK_FALSE(geometry.contains({LeafIndex{UINT64_MAX}, 1}));
    CHECK_FALSE(geometry.contains({LeafIndex{UINT64_MAX - 10}, 64}));
    CHECK_FALSE(Geometry(0).contains({LeafIndex{0}, 1}));
}

TEST_CASE("a run has the bytes of its leaves, the file's short last leaf included") {
    const Geometry geometry(100 * leaf_size + 5);
    CHECK(Geometry::run_offset({LeafIndex{3}, 2}) == 3 * leaf_size);
    CHECK(geometry.run_length({LeafIndex{3}, 2}) == 2 * leaf_size);
    CHECK(geometry.run_length({LeafIndex{99}, 1}) == leaf_size);
    CHECK(geometry.run_length({LeafIndex{99}, 2}) == leaf_size + 5);
    CHECK(geometry.run_length({LeafIndex{100}, 1}) == 5);
}
