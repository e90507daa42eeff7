// RingPlan: how far a search asks, and when. Dynamic querying: a small ring first, a wider one,
// under a new id, only while results are few and hosts are left; so what is popular costs little.
// If connections broke within the last ring, it is asked once more. Sans-I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "shoal/overlay/route.hpp"

namespace shoal::overlay {

class RingPlan {
  public:
    struct Options {
        std::uint8_t ttl{limits::search_ttl_default};  // the widest ring
        bool widen{true};                              // false: that one at once
        Duration wait{std::chrono::seconds(4)};        // for all rings together
        std::size_t enough{20};                        // hits: a file at a host is one
    };
    RingPlan(const Options& options, TimePoint now);

    struct Ask {  // begin a search with this TTL and a new id
        std::uint8_t ttl{};
        Duration wait{};
    };
    struct Wait {  // nothing to do before
        TimePoint until;
    };
    struct Over {};
    using Step = std::variant<Ask, Wait, Over>;

    // Call again after each input and when the time has come.
    Step poll(TimePoint now);
    // Hits so far, of all rings.
    void handle_found(std::size_t hits) { hits_ = hits; }
    // A ring has answered, or has given up on some: the one asked last, or one before it.
    void handle_done(const Counts& counts, bool last);

    // Another neighbour can be asked: the widest ring is, once more, when the last one has
    // answered.
    void handle_host_up() { host_up_ = !asked_.empty(); }

    // What all rings cost; hosts are those of the ring that reached most.
    [[nodiscard]] const Counts& price() const { return price_; }
    [[nodiscard]] const std::vector<std::uint8_t>& asked() const { return asked_; }
    // Of the ring asked last, once it has answered; until then, and when it has not, nothing.
    [[nodiscard]] const std::optional<Counts>& last() const { return done_; }
    // No host was left out: none late, lost or refusing, and the TTL was enough for all.
    [[nodiscard]] bool everybody() const { return done_ && whole(*done_) && done_->cut == 0; }

  private:
    static bool whole(const Counts& counts) {
        return counts.lost == 0 && counts.late == 0 && counts.refused == 0;
    }
    // What the ring may take of the time that is left.
    [[nodiscard]] Duration share(Duration left) const;
    Step ask(std::uint8_t ttl, TimePoint now);

    Options options_;
    TimePoint deadline_;
    std::vector<std::uint8_t> rings_;
    std::size_t next_{0};
    std::vector<std::uint8_t> asked_;
    std::optional<Counts> done_;  // of the last ring
    TimePoint ring_until_{};
    bool asked_again_{false};
    bool host_up_{false};
    std::size_t hits_{0};
    Counts price_;
};

}  // namespace shoal::overlay
