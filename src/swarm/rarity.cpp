#include "swarm/rarity.hpp"

#include <utility>

#include "swarm/insist.hpp"

namespace shoal::swarm {

Rarity::Rarity(std::uint32_t chunk_count, std::uint64_t seed)
    : random_(seed), place_(chunk_count, nowhere), level_(chunk_count, 0), ends_(1, 0) {
    order_.reserve(chunk_count);
}

std::span<const std::uint32_t> Rarity::available() const {
    return std::span(order_).subspan(ends_[0]);
}

void Rarity::swap(std::uint32_t a, std::uint32_t b) {
    std::swap(order_[a], order_[b]);
    place_[order_[a]] = a;
    place_[order_[b]] = b;
}

void Rarity::need_level(std::uint32_t level) {
    while (ends_.size() <= level) {
        ends_.push_back(static_cast<std::uint32_t>(order_.size()));
    }
}

// Ties must be random, or all peers would ask for the same chunk first.
void Rarity::shuffle_into(std::uint32_t chunk) {
    const std::uint32_t begin = begin_of(level_[chunk]);
    const std::uint32_t count = ends_[level_[chunk]] - begin;
    swap(place_[chunk], begin + static_cast<std::uint32_t>(random_.below(count)));
}

void Rarity::insert(std::uint32_t chunk) {
    const std::uint32_t level = level_[chunk];
    need_level(level);
    place_[chunk] = static_cast<std::uint32_t>(order_.size());
    order_.push_back(chunk);
    for (auto above = static_cast<std::uint32_t>(ends_.size()) - 1; above > level; --above) {
        swap(place_[chunk], ends_[above - 1]);
        ++ends_[above];
    }
    ++ends_[level];
    shuffle_into(chunk);
}

void Rarity::erase(std::uint32_t chunk) {
    for (std::uint32_t level = level_[chunk]; level < ends_.size(); ++level) {
        --ends_[level];
        swap(place_[chunk], ends_[level]);
    }
    order_.pop_back();
    place_[chunk] = nowhere;
}

void Rarity::raise(std::uint32_t chunk) {
    const std::uint32_t level = level_[chunk]++;
    if (!contains(chunk)) {
        return;
    }
    need_level(level + 1);
    swap(place_[chunk], --ends_[level]);
    shuffle_into(chunk);
}

void Rarity::lower(std::uint32_t chunk) {
    const std::uint32_t level = level_[chunk]--;
    if (!contains(chunk)) {
        return;
    }
    swap(place_[chunk], ends_[level - 1]++);
    shuffle_into(chunk);
}

void Rarity::check_invariants() const {
    std::uint32_t level = 0;
    for (std::uint32_t at = 0; at < order_.size(); ++at) {
        while (at >= ends_[level]) {
            ++level;
        }
        insist(place_[order_[at]] == at, "rarity: a chunk is not at its place");
        insist(level_[order_[at]] == level, "rarity: a chunk stands in another level");
    }
    insist(ends_.back() == order_.size(), "rarity: the last level ends elsewhere");
}

}  // namespace shoal::swarm
