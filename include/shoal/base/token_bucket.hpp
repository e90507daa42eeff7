// TokenBucket: a rate in bytes a second with a burst. Pure; time is an argument.
#pragma once

#include <cstdint>

#include "shoal/base/time.hpp"

namespace shoal {

class TokenBucket {
  public:
    // 0 is unlimited. The burst is 1/20 s of the rate, but at least one leaf.
    explicit TokenBucket(std::uint64_t bytes_per_second = 0);
    void set_rate(std::uint64_t bytes_per_second, TimePoint now);

    [[nodiscard]] bool unlimited() const { return rate_ == 0; }
    // Bytes that may move now; a huge number when unlimited.
    std::uint64_t available(TimePoint now);
    // Bytes that did move; may overdraw, which later refills pay back.
    void spend(std::uint64_t bytes);
    // How long until `bytes` (capped at the burst) are available; 0 when they are.
    Duration wait_for(std::uint64_t bytes, TimePoint now);

  private:
    void refill(TimePoint now);

    std::uint64_t rate_;
    double burst_{0};
    double tokens_{0};
    TimePoint last_{};
};

}  // namespace shoal
