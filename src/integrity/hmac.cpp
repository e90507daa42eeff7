// HMAC-SHA256 (RFC 2104) and the comparison that goes with it.
#include <algorithm>
#include <cstring>
#include <type_traits>

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

Sha256 begun_with(Pad block, std::uint8_t mask) {
    for (std::uint8_t& byte : block)
        byte ^= mask;
    Sha256 hasher;
    hasher.update(block);
    explicit_bzero(block.data(), block.size());
    return hasher;
}

}  // namespace

HmacKey::HmacKey(std::span<const std::uint8_t> key) {
    Pad block = block_sized_key(key);
    inner_ = begun_with(block, 0x36);
    outer_ = begun_with(block, 0x5c);
    explicit_bzero(block.data(), block.size());
}

HmacKey::~HmacKey() {
    static_assert(std::is_trivially_copyable_v<Sha256>, "so it can be wiped as bytes");
    explicit_bzero(&inner_, sizeof inner_);
    explicit_bzero(&outer_, sizeof outer_);
}

Digest HmacKey::mac(std::initializer_list<std::span<const std::uint8_t>> parts) const {
    Sha256 hasher = inner_;
    for (const auto part : parts)
        hasher.update(part);
    const Digest inner = hasher.finish();
    hasher = outer_;
    hasher.update(inner.bytes);
    return hasher.finish();
}

Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data) {
    return HmacKey(key).mac({data});
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
