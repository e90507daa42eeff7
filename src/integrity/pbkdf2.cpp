#include "shoal/integrity/pbkdf2.hpp"

#include <algorithm>
#include <array>

#include "shoal/integrity/sha256.hpp"

namespace shoal::integrity {
namespace {

// HMAC under one key, again and again: the two padded keys are hashed once and then copied, which
// halves the work of each iteration.
class KeyedHmac {
  public:
    explicit KeyedHmac(std::span<const std::uint8_t> key) {
        std::array<std::uint8_t, 64> block{};
        if (key.size() <= block.size()) {
            std::copy(key.begin(), key.end(), block.begin());
        } else {
            const Digest digest = sha256(key);
            std::copy(digest.bytes.begin(), digest.bytes.end(), block.begin());
        }
        absorb(inner_, block, 0x36);
        absorb(outer_, block, 0x5c);
    }

    [[nodiscard]] Digest mac(std::span<const std::uint8_t> first,
                             std::span<const std::uint8_t> second = {}) const {
        Sha256 inner = inner_;
        inner.update(first);
        inner.update(second);
        const Digest digest = inner.finish();
        Sha256 outer = outer_;
        outer.update(digest.bytes);
        return outer.finish();
    }

  private:
    static void absorb(Sha256& hasher, std::array<std::uint8_t, 64> block, std::uint8_t mask) {
        for (std::uint8_t& byte : block)
            byte ^= mask;
        hasher.update(block);
    }

    Sha256 inner_;
    Sha256 outer_;
};

// T_i of the RFC: the exclusive or of all iterations of block `number`, from 1.
Digest derive_block(const KeyedHmac& prf, std::span<const std::uint8_t> salt, std::uint32_t number,
                    std::uint32_t iterations) {
    const std::array<std::uint8_t, 4> suffix{
        static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
        static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
    Digest step = prf.mac(salt, suffix);
    Digest sum = step;
    for (std::uint32_t i = 1; i < iterations; ++i) {
        step = prf.mac(step.bytes);
        for (std::size_t at = 0; at < sum.bytes.size(); ++at)
            sum.bytes[at] ^= step.bytes[at];
    }
    return sum;
}

}  // namespace

std::vector<std::uint8_t> pbkdf2_hmac_sha256(std::span<const std::uint8_t> password,
                                             std::span<const std::uint8_t> salt,
                                             std::uint32_t iterations, std::size_t length) {
    const KeyedHmac prf(password);
    std::vector<std::uint8_t> derived;
    derived.reserve(length);
    for (std::uint32_t number = 1; derived.size() < length; ++number) {
        const Digest block = derive_block(prf, salt, number, iterations);
        const std::size_t take = std::min(block.bytes.size(), length - derived.size());
        derived.insert(derived.end(), block.bytes.begin(),
                       block.bytes.begin() + static_cast<std::ptrdiff_t>(take));
    }
    return derived;
}

}  // namespace shoal::integrity
