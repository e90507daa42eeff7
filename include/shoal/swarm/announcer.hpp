// Announcer: when a server tells its subscribers which chunks it has come to hold. Pure; one for
// each file.
//
// The first news goes at once. What comes within `gap_per_subscriber` for each subscriber goes
// together: each announcement is sent to all of them, and would else cost a crowd more than a
// percent or two of its links.
#pragma once

#include <optional>
#include <vector>

#include "shoal/base/ids.hpp"
#include "shoal/base/time.hpp"

namespace shoal::swarm {

struct ChunkSpan {
    ChunkIndex first;
    std::uint32_t count{};
};

class Announcer {
  public:
    static constexpr Duration gap_per_subscriber{std::chrono::milliseconds(2)};
    static constexpr Duration gap_max{std::chrono::milliseconds(200)};

    void handle_have(ChunkSpan chunks);
    // What to tell now; empty: nothing yet.
    std::vector<ChunkSpan> poll(std::size_t subscribers, TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  private:
    std::vector<ChunkSpan> news_;
    TimePoint not_before_{};
};

}  // namespace shoal::swarm
