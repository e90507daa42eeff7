#include "shoal/base/token_bucket.hpp"

#include <algorithm>
#include <cmath>

#include "shoal/base/limits.hpp"

namespace shoal {
namespace {

constexpr std::uint64_t unlimited_bytes = 1ULL << 62U;  // huge, and sums of two do not wrap

double burst_of(std::uint64_t rate) {
    return std::max(static_cast<double>(rate) / 20, static_cast<double>(limits::leaf_size));
}

}  // namespace

TokenBucket::TokenBucket(std::uint64_t bytes_per_second)
    : rate_(bytes_per_second), burst_(burst_of(rate_)), tokens_(burst_) {}

void TokenBucket::set_rate(std::uint64_t bytes_per_second, TimePoint now) {
    refill(now);
    rate_ = bytes_per_second;
    burst_ = burst_of(rate_);
    tokens_ = std::min(tokens_, burst_);
}

void TokenBucket::refill(TimePoint now) {
    if (now <= last_) {
        return;
    }
    const double seconds = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(burst_, tokens_ + seconds * static_cast<double>(rate_));
    last_ = now;
}

std::uint64_t TokenBucket::available(TimePoint now) {
    if (unlimited()) {
        return unlimited_bytes;
    }
    refill(now);
    return tokens_ > 0 ? static_cast<std::uint64_t>(tokens_) : 0;
}

void TokenBucket::spend(std::uint64_t bytes) {
    if (!unlimited()) {
        tokens_ -= static_cast<double>(bytes);
    }
}

Duration TokenBucket::wait_for(std::uint64_t bytes, TimePoint now) {
    if (unlimited()) {
        return Duration{0};
    }
    refill(now);
    const double missing = std::min(static_cast<double>(bytes), std::floor(burst_)) - tokens_;
    if (missing <= 0) {
        return Duration{0};
    }
    // One nanosecond more than the quotient, so that rounding never wakes the caller too early.
    const double nanoseconds = std::ceil(missing / static_cast<double>(rate_) * 1e9) + 1;
    return Duration{static_cast<Duration::rep>(std::min(nanoseconds, 9e18))};
}

}  // namespace shoal
