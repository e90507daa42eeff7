#include "shoal/swarm/upload_queue.hpp"

#include <algorithm>
#include <utility>

namespace shoal::swarm {

bool UploadQueue::push(const Item& item, std::size_t per_client_max, TimePoint now) {
    const auto [entry, is_new] = lanes_.try_emplace(item.client);
    Lane& lane = entry->second;
    if (lane.items.size() >= per_client_max) {
        return false;
    }
    lane.items.push_back({item, now});
    ++waiting_;
    return true;
}

bool UploadQueue::cancel(ClientKey client, RequestId request) {
    const auto lane = lanes_.find(client);
    if (lane == lanes_.end()) {
        return false;
    }
    const std::size_t removed = std::erase_if(
        lane->second.items,
        [request](const Waiting& waiting) { return waiting.item.request == request; });
    waiting_ -= removed;
    return removed > 0;
}

std::vector<UploadQueue::Item> UploadQueue::forget(ClientKey client) {
    std::vector<Item> dropped;
    if (const auto lane = lanes_.extract(client); !lane.empty()) {
        for (const Waiting& waiting : lane.mapped().items) {
            dropped.push_back(waiting.item);
        }
    }
    waiting_ -= dropped.size();
    return dropped;
}

void UploadQueue::set_writable(ClientKey client, bool writable) {
    if (writable && !lanes_.contains(client)) {
        return;  // it is at first: who never asks for data takes no room here
    }
    Lane& lane = lanes_[client];
    lane.writable = writable;
    if (writable) {
        lane.served_since.reset();
    }
}

std::size_t UploadQueue::served(TimePoint now) const {
    return static_cast<std::size_t>(
        std::count_if(lanes_.begin(), lanes_.end(), [&](const auto& entry) {
            const auto& since = entry.second.served_since;
            return since && now - *since < config_.patience;
        }));
}

// Both have something waiting.
bool UploadQueue::before(const Lane& a, const Lane& b, TimePoint now) const {
    const TimePoint a_since = a.items.front().since;
    const TimePoint b_since = b.items.front().since;
    const bool a_starves = now - a_since >= config_.starved_after;
    const bool b_starves = now - b_since >= config_.starved_after;
    if (a_starves != b_starves) {
        return a_starves;
    }
    if (!a_starves && a.sent_leaves != b.sent_leaves) {
        return a.sent_leaves < b.sent_leaves;
    }
    return a_since < b_since;
}

std::optional<UploadQueue::Item> UploadQueue::next(TimePoint now) {
    if (waiting_ == 0 || served(now) >= config_.served_max) {
        return std::nullopt;
    }
    Lane* best = nullptr;
    for (auto& [client, lane] : lanes_) {
        if (lane.writable && !lane.items.empty() && (best == nullptr || before(lane, *best, now))) {
            best = &lane;
        }
    }
    if (best == nullptr) {
        return std::nullopt;
    }
    const Item item = best->items.front().item;
    best->items.pop_front();
    --waiting_;
    best->writable = false;
    best->served_since = now;
    best->sent_leaves += item.run.count;
    return item;
}

std::optional<TimePoint> UploadQueue::next_timeout(TimePoint now) const {
    std::optional<TimePoint> next;
    if (waiting_ == 0 || served(now) < config_.served_max) {
        return next;
    }
    for (const auto& [client, lane] : lanes_) {
        if (lane.served_since && *lane.served_since + config_.patience > now) {
            const TimePoint when = *lane.served_since + config_.patience;
            next = next ? std::min(*next, when) : when;
        }
    }
    return next;
}

std::size_t UploadQueue::waiting(ClientKey client) const {
    const auto lane = lanes_.find(client);
    return lane == lanes_.end() ? 0 : lane->second.items.size();
}

bool UploadQueue::waits_for(ClientKey client, LeafRun run) const {
    const auto lane = lanes_.find(client);
    return lane != lanes_.end() && std::any_of(lane->second.items.begin(), lane->second.items.end(),
                                               [run](const Waiting& waiting) {
                                                   return waiting.item.run.first < run.end() &&
                                                          run.first < waiting.item.run.end();
                                               });
}

}  // namespace shoal::swarm
