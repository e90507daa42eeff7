#include "shoal/integrity/pbkdf2.hpp"

#include <algorithm>
#include <array>

#include "shoal/integrity/sha256.hpp"

namespace shoal::integrity {
namespace {

// T_i of the RFC: the exclusive or of all iterations of block `number`, from 1.
Digest derive_block(const HmacKey& prf, std::span<const std::uint8_t> salt, std::uint32_t number,
                    std::uint32_t iterations) {
    const std::array<std::uint8_t, 4> suffix{
        static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
        static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
    Digest step = prf.mac({salt, suffix});
    Digest sum = step;
    for (std::uint32_t i = 1; i < iterations; ++i) {
        step = prf.mac({step.bytes});
        for (std::size_t at = 0; at < sum.bytes.size(); ++at)
            sum.bytes[at] ^= step.bytes[at];
    }
    return sum;
}

}  // namespace

std::vector<std::uint8_t> pbkdf2_hmac_sha256(std::span<const std::uint8_t> password,
                                             std::span<const std::uint8_t> salt,
                                             std::uint32_t iterations, std::size_t length) {
    const HmacKey prf(password);
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
