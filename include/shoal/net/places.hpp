// Places: who is inside at a door: how many in all, how many of each address, and who of them is
// still a stranger, having not shown yet that it may come in. Pure; one owner thread.
//
// Strangers never keep others out: when the door or an address has no place left, a newcomer gets
// the place of a stranger, who is to be hung up on. That is the oldest of the address whose limit
// is reached, else the oldest of the address with the most strangers, so that a crowd of strangers
// pushes itself out and not who has just come from elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "shoal/net/address.hpp"

namespace shoal::net {

// By what connections and guesses are counted at every door: an IPv4 address, or the /64 of an IPv6
// one, which is the least that anybody is given: "192.0.2.1", "2001:db8::/64".
std::string block_of(const Address& address);

class Places {
  public:
    using Id = std::uint64_t;  // the door's name for a connection; later ones are larger

    // At most so many at the door at once; with `leaving_max` evicted ones not gone, it is crowded.
    explicit Places(std::uint32_t all_max, std::size_t leaving_max = SIZE_MAX)
        : all_max_(all_max), leaving_max_(leaving_max) {}

    enum class Entry { admitted, too_many_from_there, full };
    struct Verdict {
        Entry entry{};
        std::optional<Id> evicted;  // hang up on it; it counts no longer
    };
    // A newcomer takes a place if there is one, at most `address_max` of its address.
    Verdict take(Id id, const Address& from, std::uint32_t address_max);
    // It may come in. One that is evicted, but was quicker, counts again.
    void prove(Id id);
    // It is gone, evicted or not.
    void leave(Id id);

    [[nodiscard]] std::uint32_t taken() const { return taken_; }
    // Evicted and not gone yet.
    [[nodiscard]] std::size_t leaving() const { return seats_.size() - taken_; }
    // Nobody is to be let in before some of them are gone.
    [[nodiscard]] bool crowded() const { return leaving() >= leaving_max_; }

  private:
    struct Block {
        std::uint32_t taken{0};
        std::set<Id> strangers;
    };
    struct Seat {
        std::string block;
        bool evicted{false};
    };
    [[nodiscard]] std::optional<Id> oldest_of_the_largest_crowd() const;
    void evict(Id id);
    void count_out(const std::string& block, Id id);

    std::uint32_t all_max_;
    std::size_t leaving_max_;
    std::uint32_t taken_{0};
    std::map<std::string, Block> blocks_;
    std::map<Id, Seat> seats_;
};

}  // namespace shoal::net
