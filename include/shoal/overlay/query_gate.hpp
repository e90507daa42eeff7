// QueryGate: how many searches a neighbour may bring. A token bucket for each, so that one who
// floods spends its own share only. Pure; time is an argument; one owner thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>

#include "shoal/base/time.hpp"

namespace shoal::overlay {

template <typename Neighbour>
class QueryGate {
  public:
    static constexpr double per_second = 100;
    static constexpr double burst = 200;
    static constexpr std::size_t neighbours_max = 4096;

    // False: it has had its share, refuse.
    bool admit(const Neighbour& neighbour, TimePoint now) {
        if (buckets_.size() >= neighbours_max && !buckets_.contains(neighbour)) {
            std::erase_if(buckets_, [&](auto& item) { return level(item.second, now) >= burst; });
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

    std::map<Neighbour, Bucket> buckets_;
};

}  // namespace shoal::overlay
