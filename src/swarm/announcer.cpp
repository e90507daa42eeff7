#include "shoal/swarm/announcer.hpp"

#include <algorithm>
#include <utility>

namespace shoal::swarm {

void Announcer::handle_have(ChunkSpan chunks) {
    if (!news_.empty() && news_.back().first.value + news_.back().count == chunks.first.value) {
        news_.back().count += chunks.count;
    } else {
        news_.push_back(chunks);
    }
}

std::vector<ChunkSpan> Announcer::poll(std::size_t subscribers, bool ending, TimePoint now) {
    if (news_.empty() || now < not_before_) {
        return {};
    }
    const Duration each = ending ? gap_at_the_end : gap;
    not_before_ = now + std::min<Duration>(each * static_cast<Duration::rep>(subscribers), gap_max);
    return std::exchange(news_, {});
}

std::optional<TimePoint> Announcer::next_timeout() const {
    return news_.empty() ? std::nullopt : std::optional(not_before_);
}

}  // namespace shoal::swarm
