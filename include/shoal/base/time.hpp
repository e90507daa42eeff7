// Time as an argument: sans-I/O classes take a TimePoint, only shells read the clock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace shoal {

using Duration = std::chrono::nanoseconds;
// Steady; the simulator hands out virtual ones.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

using namespace std::chrono_literals;

// Makes `next`, when something is due, the earlier of it and `when`; none of them need be known.
inline void sooner(std::optional<TimePoint>& next, std::optional<TimePoint> when) {
    if (when && (!next || *when < *next)) {
        next = when;
    }
}

// Makes of the machine's steady clock one that stands still while the process does not run
// (Ctrl-Z, SIGSTOP, a frozen container), so that no deadline of silence counts that time. A
// process whose threads have deadlines reads the clock every wait_max at least; when nobody has
// read it for gap_min, nobody ran. Any thread; never goes back.
class RunClock {
  public:
    static constexpr Duration wait_max{1s};
    static constexpr Duration gap_min{2500ms};

    // `real`: what the machine's clock says now. `beating`: a gap is one in which nobody ran.
    TimePoint read(TimePoint real, bool beating);

  private:
    static constexpr Duration grain{100ms};  // how exactly it is known when it was read last
    std::atomic<std::int64_t> seen_{0};      // real time of about the last reading
    std::atomic<std::int64_t> lost_{0};      // real time in which nobody ran
    std::mutex slow_path_;
};

// The one place that reads the steady clock. Not for swarm/ or overlay/.
TimePoint steady_now();

// While one lives, the process reads the clock every RunClock::wait_max while any thread has a
// deadline: the pollers see to it by within_beat(). A peer has one from its first thread's start
// to its last one's end; where there is none, steady_now() is the machine's clock.
class Heartbeat {
  public:
    Heartbeat();
    ~Heartbeat();
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;
};
// How long to wait at most; for ever stays so.
std::optional<Duration> within_beat(std::optional<Duration> timeout);

}  // namespace shoal
