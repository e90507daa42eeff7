// Time as an argument: sans-I/O classes take a TimePoint, only shells read the clock.
#pragma once

#include <chrono>

namespace shoal {

using Duration = std::chrono::nanoseconds;
// Steady; the simulator hands out virtual ones.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

using namespace std::chrono_literals;

// The one place that reads the steady clock. Not for swarm/ or overlay/.
inline TimePoint steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace shoal
