// QueryGate: how many searches a neighbour may bring. A token bucket for each, so that one who
// floods spends its own share only. Pure; time is an argument; one owner thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>

#include "shoal/base/time.hpp"

namespace shoal::overlay {

template <typename Neighbour>
class QueryGate {
  public:
    static constexpr double per_second = 100;
    static constexpr double burst = 200;
    static constexpr std::size_t neighbours_max = 4096;
    static constexpr Duration look_every{std::chrono::milliseconds(10)};

    // False: it has had its share, refuse.
    bool admit(const Neighbour& neighbour, TimePoint now) {
        if (buckets_.size() >= neighbours_max && !buckets_.contains(neighbour)) {
            forget_rested(now);
            if (buckets_.size() >= neighbours_max) {
                return false;
            }
        }
        Bucket& bucket = buckets_.try_emplace(neighbour, Bucket{burst, now}).first->second;
        bucket = {level(bucket, now), now};
        if (bucket.tokens < 1) {
            return false;
        }
        bucket.tokens -= 1;
        return true;
    }
    [[nodiscard]] std::size_t neighbours() const { return buckets_.size(); }

  private:
    struct Bucket {
        double tokens{};
        TimePoint last;
    };
    static double level(const Bucket& bucket, TimePoint now) {
        const double seconds = std::chrono::duration<double>(now - bucket.last).count();
        return std::min(burst, bucket.tokens + per_second * std::max(seconds, 0.0));
    }

    // Those who have their whole share again. Looked for once in some time only: a newcomer that is
    // refused must not cost a walk over all.
    void forget_rested(TimePoint now) {
        if (looked_at_ && now < *looked_at_ + look_every) {
            return;
        }
        looked_at_ = now;
        std::erase_if(buckets_, [&](const auto& item) { return level(item.second, now) >= burst; });
    }

    std::map<Neighbour, Bucket> buckets_;
    std::optional<TimePoint> looked_at_;
};

}  // namespace shoal::overlay
