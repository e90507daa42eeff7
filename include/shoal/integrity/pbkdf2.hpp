// PBKDF2 with HMAC-SHA256 (RFC 8018, section 5.2): a password made costly to guess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace shoal::integrity {

// `length` bytes (at most (2^32 - 1) * 32). `iterations` is at least 1; the time is in proportion
// to it, some 10 ms per 100,000 and 32 bytes. Pure; any thread.
std::vector<std::uint8_t> pbkdf2_hmac_sha256(std::span<const std::uint8_t> password,
                                             std::span<const std::uint8_t> salt,
                                             std::uint32_t iterations, std::size_t length);

}  // namespace shoal::integrity
