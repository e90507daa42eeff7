#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <string>

#include "shoal/base/limits.hpp"
#include "shoal/base/random.hpp"
#include "shoal/integrity/sha256.hpp"

using namespace shoal;
using namespace shoal::integrity;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A cycle of 251 is prime to every block, leaf and lane size, so exchanged parts show.
Bytes cyclic(std::size_t size, std::size_t phase = 0) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i)
        data[i] = static_cast<std::uint8_t>((i + phase) % 251);
    return data;
}

// Puts the default back, whatever a test chose.
class BackendGuard {
  public:
    ~BackendGuard() { use_sha256_backend(before_); }

  private:
    std::string_view before_{sha256_backend()};
};

template <typename Check>
void with_every_backend(Check check) {
    const BackendGuard guard;
    for (const std::string_view name : sha256_backends()) {
        INFO("back end " << name);
        REQUIRE(use_sha256_backend(name));
        REQUIRE(sha256_backend() == name);
        check();
    }
}

Digest scalar_sha256(std::span<const std::uint8_t> data) {
    const BackendGuard guard;
    REQUIRE(use_sha256_backend("scalar"));
    return sha256(data);
}

}  // namespace

TEST_CASE("SHA-256 gives the values that FIPS 180-4's examples and NIST's vectors state") {
    with_every_backend([] {
        CHECK(sha256({}).hex() ==
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        CHECK(sha256(bytes_of("abc")).hex() ==
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        CHECK(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hex() ==
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        CHECK(sha256(bytes_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                              "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"))
                  .hex() == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
        CHECK(sha256(Bytes(1'000'000, 'a')).hex() ==
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
        CHECK(sha256(Bytes{0xbd}).hex() ==
              "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
        CHECK(sha256(Bytes{0xc9, 0x8c, 0x8e, 0x55}).hex() ==
              "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504");
        CHECK(sha256(Bytes(55, 0)).hex() ==
              "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
        CHECK(sha256(Bytes(64, 0)).hex() ==
              "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
    });
}

TEST_CASE("the list of back ends has the two that run everywhere, and no unknown one is taken") {
    const auto names = sha256_backends();
    CHECK(std::count(names.begin(), names.end(), "scalar") == 1);
    CHECK(std::count(names.begin(), names.end(), "vector") == 1);
    CHECK(sha256_backend() == names.front());
    CHECK_FALSE(use_sha256_backend("abacus"));
    CHECK(sha256_backend() == names.front());
}

TEST_CASE("however a message is cut into updates, its hash is the same") {
    with_every_backend([] {
        SmallRandom random(7);
        for (int round = 0; round < 200; ++round) {
            const Bytes data = cyclic(random.below(1000), random.below(251));
            Sha256 hasher;
            std::span<const std::uint8_t> rest = data;
            while (!rest.empty()) {
                const auto part = rest.first(
                    1 + random.below(std::min<std::size_t>(rest.size(), 1 + random.below(200))));
                hasher.update(part);
                rest = rest.subspan(part.size());
            }
            INFO("length " << data.size());
            REQUIRE(hasher.finish() == scalar_sha256(data));
        }
    });
}

TEST_CASE("leaves in lanes are the leaves one by one, for every number of lanes and any tail") {
    with_every_backend([] {
        SmallRandom random(11);
        for (std::size_t leaves = 1; leaves <= 37; ++leaves) {
            const std::size_t last =
                leaves % 3 == 0 ? limits::leaf_size : 1 + random.below(limits::leaf_size);
            // An odd start: nothing may rely on alignment.
            const Bytes data = cyclic(3 + (leaves - 1) * limits::leaf_size + last, leaves);
            const auto slice = std::span(data).subspan(3);
            std::vector<Digest> out(leaves);
            hash_leaves(slice, out);
            for (std::size_t i = 0; i < leaves; ++i) {
                const std::size_t at = i * limits::leaf_size;
                const std::size_t size = i + 1 == leaves ? last : limits::leaf_size;
                INFO("leaf " << i << " of " << leaves);
                REQUIRE(out[i] == scalar_sha256(slice.subspan(at, size)));
            }
        }
        hash_leaves({}, {});
    });
}

TEST_CASE("pairs of nodes hash as 64 bytes, also in place") {
    with_every_backend([] {
        for (std::size_t pairs = 0; pairs <= 37; ++pairs) {
            std::vector<Digest> nodes(2 * pairs);
            for (std::size_t i = 0; i < nodes.size(); ++i)
                for (std::size_t k = 0; k < 32; ++k)
                    nodes[i].bytes[k] = static_cast<std::uint8_t>((i * 32 + k) % 251);
            std::vector<Digest> expected;
            for (std::size_t i = 0; i < pairs; ++i) {
                Bytes both(nodes[2 * i].bytes.begin(), nodes[2 * i].bytes.end());
                both.insert(both.end(), nodes[2 * i + 1].bytes.begin(),
                            nodes[2 * i + 1].bytes.end());
                expected.push_back(scalar_sha256(both));
            }
            std::vector<Digest> out(pairs);
            hash_pairs(nodes, out);
            REQUIRE(out == expected);
            hash_pairs(nodes, std::span(nodes).first(pairs));
            nodes.resize(pairs);
            REQUIRE(nodes == expected);
        }
    });
}
