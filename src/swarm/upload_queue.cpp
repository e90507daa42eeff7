#include "shoal/swarm/upload_queue.hpp"

#include <algorithm>
#include <utility>

namespace shoal::swarm {

bool UploadQueue::push(const Item& item, std::size_t per_client_max) {
    Lane& lane = lanes_[item.client];
    if (lane.items.size() >= per_client_max) {
        return false;
    }
    if (lane.items.empty()) {
        turns_.push_back(item.client);
    }
    lane.items.push_back(item);
    ++waiting_;
    return true;
}

bool UploadQueue::cancel(ClientKey client, RequestId request) {
    const auto lane = lanes_.find(client);
    if (lane == lanes_.end()) {
        return false;
    }
    const std::size_t removed = std::erase_if(
        lane->second.items, [request](const Item& item) { return item.request == request; });
    waiting_ -= removed;
    if (removed > 0 && lane->second.items.empty()) {
        std::erase(turns_, client);
    }
    return removed > 0;
}

std::vector<UploadQueue::Item> UploadQueue::forget(ClientKey client) {
    const auto lane = lanes_.find(client);
    if (lane == lanes_.end()) {
        return {};
    }
    std::vector<Item> dropped(lane->second.items.begin(), lane->second.items.end());
    waiting_ -= dropped.size();
    std::erase(turns_, client);
    lanes_.erase(lane);
    return dropped;
}

void UploadQueue::set_writable(ClientKey client, bool writable) {
    lanes_[client].writable = writable;
}

std::optional<UploadQueue::Item> UploadQueue::next() {
    const auto turn = std::find_if(turns_.begin(), turns_.end(),
                                   [this](ClientKey client) { return lanes_.at(client).writable; });
    if (turn == turns_.end()) {
        return std::nullopt;
    }
    const ClientKey client = *turn;
    turns_.erase(turn);
    Lane& lane = lanes_.at(client);
    Item item = lane.items.front();
    lane.items.pop_front();
    --waiting_;
    if (!lane.items.empty()) {
        turns_.push_back(client);
    }
    return item;
}

std::size_t UploadQueue::waiting(ClientKey client) const {
    const auto lane = lanes_.find(client);
    return lane == lanes_.end() ? 0 : lane->second.items.size();
}

}  // namespace shoal::swarm
