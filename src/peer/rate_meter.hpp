// RateMeter: bytes a second over the last few seconds. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "shoal/base/time.hpp"

namespace shoal::peer {

class RateMeter {
  public:
    void add(std::uint64_t bytes, TimePoint now) {
        forget_old(now);
        if (!samples_.empty() && now - samples_.back().when < std::chrono::milliseconds(20)) {
            samples_.back().bytes += bytes;
        } else {
            samples_.push_back({now, bytes});
        }
        if (!began_at_) {
            began_at_ = now;
        }
        sum_ += bytes;
    }
    [[nodiscard]] double rate(TimePoint now) {
        forget_old(now);
        if (!began_at_) {
            return 0;
        }
        const Duration span = std::min<Duration>(window, now - *began_at_);
        const double seconds = std::chrono::duration<double>(span).count();
        return seconds < 0.05 ? 0 : static_cast<double>(sum_) / seconds;
    }

  private:
    static constexpr Duration window{std::chrono::seconds(3)};
    struct Sample {
        TimePoint when;
        std::uint64_t bytes{};
    };
    void forget_old(TimePoint now) {
        while (!samples_.empty() && samples_.front().when + window < now) {
            sum_ -= samples_.front().bytes;
            samples_.pop_front();
        }
    }

    std::deque<Sample> samples_;
    std::uint64_t sum_{0};
    std::optional<TimePoint> began_at_;
};

}  // namespace shoal::peer
