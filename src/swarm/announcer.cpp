#include "shoal/swarm/announcer.hpp"

#include <algorithm>
#include <utility>

namespace shoal::swarm {

namespace {

// Whoever would be told within this part of the gap is told now: timers cost, too.
constexpr int gap_parts = 4;

void append(std::vector<ChunkSpan>& news, ChunkSpan chunks) {
    if (!news.empty() && news.back().first.value + news.back().count == chunks.first.value) {
        news.back().count += chunks.count;
    } else {
        news.push_back(chunks);
    }
}

}  // namespace

void Announcer::forget(ClientKey client) {
    lanes_.erase(lanes_.lower_bound({client, 0}), lanes_.lower_bound({{client.value + 1}, 0}));
}

std::vector<Subscriber> Announcer::subscribers() const {
    std::vector<Subscriber> all;
    for (const auto& [subscriber, lane] : lanes_) {
        all.push_back(subscriber);
    }
    return all;
}

void Announcer::handle_have(ChunkSpan chunks) {
    for (auto& [subscriber, lane] : lanes_) {
        append(lane.news, chunks);
    }
    look_for_due();
}

std::vector<Announcer::Notice> Announcer::take(ClientKey client, TimePoint now) {
    std::vector<Notice> notices;
    for (auto entry = lanes_.lower_bound({client, 0});
         entry != lanes_.end() && entry->first.client == client; ++entry) {
        hand_over(entry->first, entry->second, now, notices);
    }
    return notices;
}

std::vector<Announcer::Notice> Announcer::poll(bool ending, TimePoint now) {
    std::vector<Notice> notices;
    ending_ = ending;
    look_for_due();
    if (!due_ || now < *due_) {
        return notices;
    }
    const TimePoint soon = now + gap_now() / gap_parts;
    for (auto& [subscriber, lane] : lanes_) {
        if (due(lane) <= soon) {
            hand_over(subscriber, lane, now, notices);
        }
    }
    look_for_due();
    return notices;
}

void Announcer::hand_over(Subscriber to, Lane& lane, TimePoint now, std::vector<Notice>& notices) {
    if (!lane.news.empty()) {
        notices.push_back({to, std::exchange(lane.news, {})});
        lane.told_at = now;
    }
}

Duration Announcer::gap_now() const {
    const Duration each = ending_ ? gap_at_the_end : gap;
    return std::min<Duration>(each * static_cast<Duration::rep>(lanes_.size()), gap_max);
}

TimePoint Announcer::due(const Lane& lane) const {
    return lane.told_at ? *lane.told_at + gap_now() : TimePoint{};
}

void Announcer::look_for_due() {
    due_.reset();
    for (const auto& [subscriber, lane] : lanes_) {
        if (!lane.news.empty()) {
            due_ = due_ ? std::min(*due_, due(lane)) : due(lane);
        }
    }
}

}  // namespace shoal::swarm
