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
    static constexpr std::uint64_t the_end = 8;  // when less than one of so many is missing
    // For all of them.
    static constexpr Duration gap_max{std::chrono::milliseconds(200)};

    // A file of so many chunks, of which so many are held.
    Announcer(std::uint64_t chunks, std::uint64_t held) : chunks_(chunks), held_(held) {}

    void handle_have(ChunkSpan chunks);
    // What to tell now; empty: nothing yet.
    std::vector<ChunkSpan> poll(std::size_t subscribers, TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  private:
    std::uint64_t chunks_;
    std::uint64_t held_;
    std::vector<ChunkSpan> news_;
    TimePoint not_before_{};
};

}  // namespace shoal::swarm
