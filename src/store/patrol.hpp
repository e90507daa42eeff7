// Patrol: which folders are walked through again and again, since nobody tells what changes in
// them, and when. Pure. Walks take at most a twentieth of the time while that is often enough; a
// large folder is walked every half a minute, and as much time is left free as it takes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "shoal/base/time.hpp"
#include "watcher.hpp"

namespace shoal::store {

class Patrol {
  public:
    static constexpr Duration every_max{30s};

    // With all below; at most once in `every_min`. What lies below one that is known does not
    // count.
    void add(const Place& place, Duration every_min, TimePoint now);
    void remove_below(const Place& place);

    // The place to walk now, the one that waits longest. It is due again after handle_walked().
    [[nodiscard]] std::optional<Place> due(TimePoint now);
    void handle_walked(const Place& place, Duration cost, TimePoint now);

    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    [[nodiscard]] bool empty() const { return beats_.empty(); }
    [[nodiscard]] bool covers(Where where, std::string_view path) const;
    // Grows whenever summary() may have changed.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    // "2: 'nas/', 'usb/'"; empty when there is none. The whole tree is its folder's name.
    [[nodiscard]] std::string summary(std::string_view shared, std::string_view downloads) const;

  private:
    struct Beat {
        Duration every_min{};
        std::optional<TimePoint> next;  // nullopt: it is being walked
    };
    std::map<Place, Beat> beats_;
    std::uint64_t changes_{0};
};

}  // namespace shoal::store
