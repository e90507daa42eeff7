// HMAC-SHA256 (RFC 2104) and the comparison that goes with it.
#include <algorithm>

#include "shoal/integrity/sha256.hpp"

namespace shoal::integrity {
namespace {

using Pad = std::array<std::uint8_t, 64>;  // one block of SHA-256

Pad block_sized_key(std::span<const std::uint8_t> key) {
    Pad block{};
    if (key.size() <= block.size()) {
        std::copy(key.begin(), key.end(), block.begin());
    } else {
        const Digest digest = sha256(key);
        std::copy(digest.bytes.begin(), digest.bytes.end(), block.begin());
    }
    return block;
}

Digest keyed_hash(Pad key, std::uint8_t mask, std::span<const std::uint8_t> data) {
    for (std::uint8_t& byte : key)
        byte ^= mask;
    Sha256 hasher;
    hasher.update(key);
    hasher.update(data);
    return hasher.finish();
}

}  // namespace

Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data) {
    const Pad block = block_sized_key(key);
    const Digest inner = keyed_hash(block, 0x36, data);
    return keyed_hash(block, 0x5c, inner.bytes);
}

bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) {
    if (left.size() != right.size())
        return false;  // lengths are no secret
    // volatile keeps the compiler from leaving at the first difference.
    volatile std::uint8_t difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i)
        difference = static_cast<std::uint8_t>(difference | (left[i] ^ right[i]));
    return difference == 0;
}

}  // namespace shoal::integrity
