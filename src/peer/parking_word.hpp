// ParkingWord: when a fetch that waits for a holder says so, and that it goes on. In a chain of
// hosts that all wait for the same slow one, each waits and goes on thousands of times: a wait that
// lasts is told once, and the next no sooner than some seconds later. Pure; time is an argument.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "shoal/base/time.hpp"

namespace shoal::peer {

class ParkingWord {
  public:
    static constexpr Duration lasting{std::chrono::seconds(1)};
    static constexpr Duration gap{std::chrono::seconds(5)};  // between a word and the next wait's

    void handle_waits(TimePoint now) { since_ = since_.value_or(now); }
    // True: it was said that it waits, so that it goes on is to be said, too.
    bool handle_goes_on(TimePoint now) {
        since_.reset();
        if (std::exchange(told_, false)) {
            silent_until_ = now + gap;
            return true;
        }
        return false;
    }
    // True once, when it is to be said that it waits.
    bool poll(TimePoint now) {
        const auto due = next_timeout();
        told_ = told_ || (due && *due <= now);
        return due && *due <= now;
    }
    [[nodiscard]] std::optional<TimePoint> next_timeout() const {
        return since_ && !told_ ? std::optional(std::max(*since_ + lasting, silent_until_))
                                : std::nullopt;
    }

  private:
    std::optional<TimePoint> since_;  // it has been waiting
    TimePoint silent_until_{};
    bool told_{false};
};

}  // namespace shoal::peer
