// Announcer: when a server tells its subscribers which chunks it has come to hold. Pure; one for
// each file.
//
// The first news goes at once. What comes within a gap goes together: each announcement is sent to
// all subscribers, and would else cost a crowd a good part of its processors. The gap is shorter
// when little is missing here: then others have few chunks left to choose from as well.
#pragma once

#include <cstdint>
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
    // For each subscriber.
    static constexpr Duration gap{std::chrono::milliseconds(8)};
    static constexpr Duration gap_at_the_end{std::chrono::milliseconds(2)};
    // For all of them: in a crowd of hundreds news passes through many hands.
    static constexpr Duration gap_max{std::chrono::milliseconds(100)};

    void handle_have(ChunkSpan chunks);
    // Of a file of which so many chunks are held, little is missing.
    static bool ends(std::uint64_t held, std::uint64_t chunks) { return held * 8 > chunks * 7; }

    // What to tell now; empty: nothing yet. `ending`: little is missing.
    std::vector<ChunkSpan> poll(std::size_t subscribers, bool ending, TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  private:
    std::vector<ChunkSpan> news_;
    TimePoint not_before_{};
};

}  // namespace shoal::swarm
