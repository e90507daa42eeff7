// Pace: how fast a source is, and what that means for how much to ask of it and how long to
// wait for it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "shoal/base/time.hpp"

namespace shoal::swarm {

class Pace {
  public:
    explicit Pace(std::uint32_t leaf_bytes) : leaf_bytes_(leaf_bytes) {}

    void handle_ask(TimePoint now, bool was_idle);
    void handle_leaf(TimePoint now, TimePoint asked_at);
    void handle_run_done(TimePoint now, TimePoint asked_at);
    void handle_idle(TimePoint now);  // it owes nothing more
    void handle_failure();            // refused or stalled: trust it with little

    // Bytes a second while it owed leaves; 0: not known yet.
    [[nodiscard]] double rate() const { return rate_; }
    [[nodiscard]] double recent_rate(TimePoint now) const;
    // From an ask to its first leaf, the shortest seen; 0: not known yet.
    [[nodiscard]] Duration round_trip() const { return round_trip_; }
    // From an ask to its last leaf, of late; 0: not known yet.
    [[nodiscard]] Duration usual_answer() const { return usual_answer_; }
    [[nodiscard]] Duration silence(TimePoint now) const { return now - heard_at_; }
    [[nodiscard]] Duration patience(Duration least, Duration most) const;

    // Leaves that it should owe at a time, when `share_bytes` are its part of the total.
    [[nodiscard]] std::uint32_t window(double share_bytes) const;
    // Leaves in one run of a window.
    [[nodiscard]] std::uint32_t run(std::uint32_t window_leaves, std::uint32_t most) const;

  private:
    void fold(TimePoint now, Duration least);

    std::uint32_t leaf_bytes_;
    double rate_{0};
    Duration round_trip_{0};
    Duration usual_answer_{0};
    Duration pause_{0};        // the longest between two leaves, fading
    TimePoint heard_at_{};     // the last leaf, or the ask that ended idleness
    TimePoint busy_since_{};   // what follows is counted up to here
    Duration sample_span_{0};  // busy time, and what came in it, since the last fold
    double sample_bytes_{0};
    std::uint32_t trust_leaves_{trust_at_start};  // doubles with each run that arrives

    static constexpr std::uint32_t trust_at_start = 8;
    static constexpr std::uint32_t trust_after_failure = 1;
    static constexpr std::uint32_t trust_max = 16 * 1024;
};

}  // namespace shoal::swarm
