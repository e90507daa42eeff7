#include "shoal/base/time.hpp"

#include <algorithm>

namespace shoal {
namespace {

constinit std::atomic<int> heartbeats{0};
constinit RunClock run_clock;

}  // namespace

TimePoint RunClock::read(TimePoint real, bool beating) {
    std::int64_t now = real.time_since_epoch().count();
    const std::int64_t lost = lost_.load();
    const std::int64_t last = seen_.load();
    // All of one moment, or the slow path sorts it out.
    if (now >= last && now - last < grain.count() && lost_.load() == lost) {
        return TimePoint(Duration(now - lost));
    }
    const std::lock_guard lock(slow_path_);
    const std::int64_t seen = seen_.load();
    if (beating && seen != 0 && now - seen > gap_min.count()) {
        lost_ = lost_.load() + now - seen - grain.count();
    }
    now = std::max(now, seen);  // another thread was faster
    seen_ = now;
    return TimePoint(Duration(now - lost_.load()));
}

TimePoint steady_now() {
    return run_clock.read(std::chrono::steady_clock::now(),
                          heartbeats.load(std::memory_order_relaxed) > 0);
}

Heartbeat::Heartbeat() {
    steady_now();  // what was before is no gap
    ++heartbeats;
}
Heartbeat::~Heartbeat() { --heartbeats; }

std::optional<Duration> within_beat(std::optional<Duration> timeout) {
    const bool cut = heartbeats.load(std::memory_order_relaxed) > 0;
    return timeout && cut ? std::min(*timeout, RunClock::wait_max) : timeout;
}

}  // namespace shoal
