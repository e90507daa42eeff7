// FirstCopies: what a server that holds all of a file has sent of it, so that it sends each chunk
// once before it sends any twice. Pure.
//
// In a crowd that starts together everybody asks the only holder for chunks before it can know
// who else has asked for them. A request that allows it is answered with chunks that have never
// been sent, when those asked for have been: the others will have these soon, and nobody has
// those.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "shoal/base/ids.hpp"
#include "shoal/swarm/download.hpp"

namespace shoal::swarm {

class FirstCopies {
  public:
    FirstCopies(Shape shape, std::uint64_t seed);

    // The run to send instead of `asked`, which may be `asked` itself; it counts as sent from then
    // on. Whole chunks only, at most as many leaves. `unwelcome`: runs that will not do.
    LeafRun substitute(LeafRun asked, const std::function<bool(LeafRun)>& unwelcome);
    // Sent as asked.
    void handle_sent(LeafRun run);
    [[nodiscard]] std::size_t never_sent() const { return never_.size(); }

  private:
    static constexpr std::uint32_t nowhere = UINT32_MAX;
    static constexpr std::size_t tries_max = 64;

    [[nodiscard]] bool whole_chunks(LeafRun run) const;
    [[nodiscard]] bool never(std::uint32_t chunk) const { return place_[chunk] != nowhere; }
    [[nodiscard]] LeafRun run_from(std::uint32_t chunk, std::uint32_t leaves_max) const;

    Shape shape_;
    std::vector<std::uint32_t> never_;  // chunks, in random order
    std::vector<std::uint32_t> place_;  // of each chunk in never_
};

}  // namespace shoal::swarm
