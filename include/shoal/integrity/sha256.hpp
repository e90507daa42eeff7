// SHA-256 (FIPS 180-4), one stream or many leaves in lanes, and HMAC (RFC 2104).
//
// Kernels: SHA-NI with 1 to 4 streams interleaved, vectors of 4 to 16 lanes, scalar. Which one
// is fastest for how many messages is measured once, at the first use (below 1 ms). All
// functions are pure and may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "shoal/integrity/digest.hpp"

namespace shoal::integrity {

class Sha256 {
  public:
    Sha256();
    void update(std::span<const std::uint8_t> data);
    // Call once; the object is spent.
    Digest finish();

  private:
    void compress(const std::uint8_t* data, std::size_t blocks);

    std::array<std::uint32_t, 8> state_;
    std::array<std::uint8_t, 64> block_;
    std::uint64_t length_{0};  // bytes so far
};

Digest sha256(std::span<const std::uint8_t> data);

// Hashes consecutive 16 KiB leaves; only the last may be shorter (not empty).
// out.size() must be the number of leaves in `data`.
void hash_leaves(std::span<const std::uint8_t> data, std::span<Digest> out);

// SHA-256 of left || right, for every pair of `nodes`; out.size() is nodes.size() / 2.
// `out` may alias the front of `nodes`.
void hash_pairs(std::span<const Digest> nodes, std::span<Digest> out);

// An HMAC key whose two blocks are hashed beforehand: for many short messages. Wiped when it goes.
class HmacKey {
  public:
    explicit HmacKey(std::span<const std::uint8_t> key);
    HmacKey(const HmacKey&) = default;
    HmacKey& operator=(const HmacKey&) = default;
    ~HmacKey();

    // Of the parts, one behind the other.
    [[nodiscard]] Digest mac(std::initializer_list<std::span<const std::uint8_t>> parts) const;

  private:
    Sha256 inner_;
    Sha256 outer_;
};

Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data);

// Compares without telling by time where two values differ.
bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right);

// For tests and benchmarks: "auto", the measured choice and the default, then every kernel that
// this machine can run, by its name; and a switch, for all threads, that is false for others.
std::vector<std::string_view> sha256_backends();
std::string_view sha256_backend();
bool use_sha256_backend(std::string_view name);

}  // namespace shoal::integrity
