// Rarity: the missing chunks in order of how many sources hold them, random among equals.
//
//   order_   | level 0 | level 1 | level 2 ...     levels are contiguous; ends_[l] is the end
//                                                  of level l and the start of level l + 1
// A chunk changes its level by one swap with the border of its level, so a HAVE costs O(1);
// leaving or joining the order costs one swap for each level above.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shoal/base/random.hpp"

namespace shoal::swarm {

class Rarity {
  public:
    Rarity(std::uint32_t chunk_count, std::uint64_t seed);

    [[nodiscard]] bool contains(std::uint32_t chunk) const { return place_[chunk] != nowhere; }
    void insert(std::uint32_t chunk);
    void erase(std::uint32_t chunk);

    // One more, one fewer source holds the chunk; also while it is not in the order.
    void raise(std::uint32_t chunk);
    void lower(std::uint32_t chunk);
    [[nodiscard]] std::uint32_t level(std::uint32_t chunk) const { return level_[chunk]; }

    [[nodiscard]] std::size_t size() const { return order_.size(); }
    [[nodiscard]] std::span<const std::uint32_t> rarest_first() const { return order_; }
    // Those that at least one source holds.
    [[nodiscard]] std::span<const std::uint32_t> available() const;

    void check_invariants() const;

  private:
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    [[nodiscard]] std::uint32_t begin_of(std::uint32_t level) const {
        return level == 0 ? 0 : ends_[level - 1];
    }
    void swap(std::uint32_t a, std::uint32_t b);
    void shuffle_into(std::uint32_t chunk);
    void need_level(std::uint32_t level);

    SmallRandom random_;
    std::vector<std::uint32_t> order_;
    std::vector<std::uint32_t> place_;  // of each chunk in order_
    std::vector<std::uint16_t> level_;  // of each chunk
    std::vector<std::uint32_t> ends_;
};

}  // namespace shoal::swarm
