#include <algorithm>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "shoal/base/random.hpp"
#include "shoal/integrity/merkle.hpp"

using namespace shoal;
using namespace shoal::integrity;
using namespace shoal::limits;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes cyclic(std::size_t size) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i)
        data[i] = static_cast<std::uint8_t>(i % 251);
    return data;
}

Digest parent(const Digest& left, const Digest& right) {
    Sha256 hasher;
    hasher.update(left.bytes);
    hasher.update(right.bytes);
    return hasher.finish();
}

// The tree as BEP 52 tells it, top down and byte by byte: the subtree over `leaves` leaves (a
// power of two) from `offset` on, where what lies beyond the end is a leaf of zeros.
Digest naive_subtree(const Bytes& data, std::uint64_t offset, std::uint64_t leaves) {
    if (leaves == 1) {
        if (offset >= data.size())
            return {};
        const auto rest = std::span(data).subspan(offset);
        return sha256(rest.first(std::min<std::size_t>(rest.size(), leaf_size)));
    }
    const std::uint64_t half = leaves / 2;
    return parent(naive_subtree(data, offset, half),
                  naive_subtree(data, offset + half * leaf_size, half));
}

Digest naive_root(const Bytes& data) {
    std::uint64_t leaves = 1;
    while (leaves * leaf_size < data.size())
        leaves *= 2;
    return naive_subtree(data, 0, leaves);
}

FileTree tree_of(const Bytes& data) {
    TreeHasher hasher(data.size());
    hasher.update(data);
    return hasher.finish();
}

constexpr std::uint64_t chunk = 64 * KiB;

struct TreeVector {
    std::size_t size;
    const char* root;  // made with another implementation of BEP 52
};

const TreeVector tree_vectors[] = {
    {0, "0000000000000000000000000000000000000000000000000000000000000000"},
    {1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {16384, "4348e3b98e8a327b34ced39c1da9e67cdb4cd5e48e4d7960607a3ae403d35f0c"},
    {16385, "9d7887c65d577a0237fb3c0998b87b3a62762d03796889a2caea01db914ccbb8"},
    {20000, "0d9a7d79e625f2aa31653463e4111041db33c9d69f30d23d920b2936c844c916"},
    {65536, "2d6b546231225a7132a38ab354f03e9132e4b9141da89f1784b71ab2fb34fae3"},
    {65537, "27e4ccf8e3d554bfce504235da1292c2c8beb24ba5b3e1cd62f41bd692517fbe"},
    {327680, "b8843e704d622d935770660f2050db71622ef5a46f2c21657097888edc8ca163"},
    {327681, "f4e46d7d8e888f940a7d0560be302267985e015cc2a794ed49818a180ca6f92f"},
    {573439, "ee5fa97deeda040172e5cfe00096d2e7fb8094bcda8e25c41ce0f7d3bcad8987"},
};

}  // namespace

TEST_CASE("roots are those that other BEP 52 software computes") {
    for (const TreeVector& vector : tree_vectors) {
        INFO("size " << vector.size);
        CHECK(tree_of(cyclic(vector.size)).id.root.hex() == vector.root);
    }
}

TEST_CASE("an empty file is zero chunks and a root of zeros") {
    const FileTree tree = tree_of({});
    CHECK(tree.id == FileId{});
    CHECK(tree.chunk_hashes.empty());
    CHECK(file_root({}, Geometry(0)) == Digest{});
}

TEST_CASE("a file of one chunk is padded to the power of two of its own leaves") {
    const Bytes one = cyclic(1);
    CHECK(tree_of(one).id.root == sha256(one));
    const Bytes three = cyclic(3 * leaf_size);
    CHECK(tree_of(three).chunk_hashes == std::vector{tree_of(three).id.root});
}

TEST_CASE("in a larger file every chunk hash is that of a full chunk's subtree") {
    const Bytes data = cyclic(chunk + 1);
    const FileTree tree = tree_of(data);
    REQUIRE(tree.chunk_hashes.size() == 2);
    CHECK(tree.chunk_hashes[0] == naive_subtree(data, 0, 4));
    CHECK(tree.chunk_hashes[1] == naive_subtree(data, chunk, 4));
    CHECK(tree.id.root == parent(tree.chunk_hashes[0], tree.chunk_hashes[1]));
}

TEST_CASE("padding roots are built from leaves of zeros, one level from the other") {
    CHECK(padding_root(0) == Digest{});
    for (unsigned height = 1; height <= 26; ++height)
        REQUIRE(padding_root(height) == parent(padding_root(height - 1), padding_root(height - 1)));
}

TEST_CASE("the tree equals the naive one, however the file arrives") {
    SmallRandom random(3);
    for (int round = 0; round < 60; ++round) {
        const Bytes data = cyclic(1 + random.below(12 * chunk));
        INFO("size " << data.size() << ", round " << round);
        TreeHasher hasher(data.size());
        const std::uint64_t step_max = std::uint64_t{1} << (9 + random.below(10));
        while (hasher.received() < data.size()) {
            const auto rest = std::span(data).subspan(hasher.received());
            hasher.update(rest.first(std::min(rest.size(), random.below(step_max + 1))));
        }
        const FileTree tree = hasher.finish();
        REQUIRE(tree.id.size == data.size());
        REQUIRE(tree.id.root == naive_root(data));
        const Geometry geometry(data.size());
        REQUIRE(tree.chunk_hashes.size() == geometry.chunk_count());
        REQUIRE(file_root(tree.chunk_hashes, geometry) == tree.id.root);
    }
}

TEST_CASE("larger chunks give the same root: it depends on the leaves alone") {
    // Digests stand for leaves here, so that a file of this size costs no bytes.
    const Geometry geometry(256 * MiB + 3 * leaf_size);
    REQUIRE(geometry.chunk_size() == 128 * KiB);
    std::vector<Digest> leaves(geometry.leaf_count());
    for (std::size_t i = 0; i < leaves.size(); ++i)
        leaves[i].bytes[i % 32] = static_cast<std::uint8_t>(1 + i % 251);
    std::vector<Digest> hashes;
    for (ChunkIndex at{0}; at.value < geometry.chunk_count(); ++at)
        hashes.push_back(chunk_hash(
            std::span(leaves).subspan(geometry.first_leaf(at).value, geometry.leaves_in(at)),
            geometry));
    leaves.resize(32768);
    while (leaves.size() > 1) {
        for (std::size_t i = 0; i < leaves.size() / 2; ++i)
            leaves[i] = parent(leaves[2 * i], leaves[2 * i + 1]);
        leaves.resize(leaves.size() / 2);
    }
    CHECK(file_root(hashes, geometry) == leaves.front());
}

TEST_CASE("a tree hasher refuses more or fewer bytes than it was told") {
    const Bytes data = cyclic(20);
    TreeHasher hasher(10);
    CHECK_THROWS_AS(hasher.update(data), std::logic_error);
    hasher.update(std::span(data).first(9));
    CHECK_THROWS_AS(hasher.finish(), std::logic_error);
}
