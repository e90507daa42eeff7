#include "shoal/net/places.hpp"

#include <algorithm>

namespace shoal::net {

std::string block_of(const Address& address) {
    if (address.family() != AF_INET6) {
        return address.host();
    }
    HostAddress network = address.wire();
    std::fill(network.ip.begin() + 8, network.ip.end(), std::uint8_t{0});
    const auto first = Address::from_wire(network);
    return (first ? first->host() : "::") + "/64";
}

Places::Verdict Places::take(Id id, const Address& from, std::uint32_t address_max) {
    const std::string name = block_of(from);
    const auto known = blocks_.find(name);
    const bool full_there = known != blocks_.end() && known->second.taken >= address_max;
    std::optional<Id> goes;
    if (full_there && !known->second.strangers.empty()) {
        goes = *known->second.strangers.begin();
    } else if (!full_there && taken_ >= all_max_) {
        goes = oldest_of_the_largest_crowd();
    }
    if (!goes && (full_there || taken_ >= all_max_ || address_max == 0)) {
        return {full_there ? Entry::too_many_from_there : Entry::full, {}};
    }
    if (goes) {
        evict(*goes);
    }
    Block& block = blocks_[name];
    ++block.taken;
    ++taken_;
    block.strangers.insert(id);
    seats_.emplace(id, Seat{name});
    return {Entry::admitted, goes};
}

std::optional<Places::Id> Places::oldest_of_the_largest_crowd() const {
    const Block* largest = nullptr;
    for (const auto& entry : blocks_) {
        const Block& block = entry.second;
        const auto goes_before = [&block](const Block& other) {
            return block.strangers.size() > other.strangers.size() ||
                   (block.strangers.size() == other.strangers.size() &&
                    *block.strangers.begin() < *other.strangers.begin());
        };
        if (!block.strangers.empty() && (largest == nullptr || goes_before(*largest))) {
            largest = &block;
        }
    }
    return largest == nullptr ? std::nullopt : std::optional(*largest->strangers.begin());
}

void Places::evict(Id id) {
    Seat& seat = seats_.at(id);
    seat.evicted = true;
    count_out(seat.block, id);
}

void Places::count_out(const std::string& name, Id id) {
    const auto block = blocks_.find(name);
    block->second.strangers.erase(id);
    --taken_;
    if (--block->second.taken == 0) {
        blocks_.erase(block);
    }
}

void Places::prove(Id id) {
    const auto seat = seats_.find(id);
    if (seat == seats_.end()) {
        return;
    }
    if (seat->second.evicted) {
        seat->second.evicted = false;
        ++blocks_[seat->second.block].taken;
        ++taken_;
    } else {
        blocks_.at(seat->second.block).strangers.erase(id);
    }
}

void Places::leave(Id id) {
    const auto seat = seats_.find(id);
    if (seat == seats_.end()) {
        return;
    }
    if (!seat->second.evicted) {
        count_out(seat->second.block, id);
    }
    seats_.erase(seat);
}

}  // namespace shoal::net
