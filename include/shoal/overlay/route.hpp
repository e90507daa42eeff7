// Route and Counts: what a search message carries beside its question, and what comes back.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "shoal/base/host_address.hpp"
#include "shoal/base/ids.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/time.hpp"

namespace shoal::overlay {

// Names one asking of one question; random, new with each ring.
struct SearchId {
    std::array<std::uint8_t, 16> bytes{};
    friend constexpr auto operator<=>(const SearchId&, const SearchId&) = default;
};

// Somebody connected here who may ask: one connection of the server side.
using AskerId = StrongId<struct AskerIdTag, std::uint64_t>;

struct Route {
    SearchId id;
    std::uint8_t ttl{};  // hosts that it may still reach in a row, the receiver included
    // Those between the origin and the sender of the message, the origin first: the way home.
    std::vector<HostAddress> stack;
    Duration wait{};  // how long the sender waits for the answer
};

// What a search has cost and met: of one branch, or of all. Sums stop at the largest number.
struct Counts {
    std::uint64_t hosts{};       // that handled it
    std::uint64_t messages{};    // sent for it: searches, hits, and the answers with these counts
    std::uint64_t bytes{};       // of those
    std::uint64_t duplicates{};  // of it dropped, since the host had it already
    std::uint32_t lost{};        // branches whose connection broke
    std::uint32_t late{};        // branches that did not answer in time
    std::uint32_t refused{};     // hosts that did not take it: too many searches, closing
    std::uint32_t cut{};         // hosts that would have asked on, had the TTL let them
    std::uint32_t unsure{};      // hosts that do not know all of their own files at the moment

    friend bool operator==(const Counts&, const Counts&) = default;
    void add(const Counts& other);
};

inline void Counts::add(const Counts& other) {
    const auto sum = [](auto& mine, auto theirs) {
        mine += std::min<std::remove_reference_t<decltype(mine)>>(theirs, ~mine);
    };
    sum(hosts, other.hosts);
    sum(messages, other.messages);
    sum(bytes, other.bytes);
    sum(duplicates, other.duplicates);
    sum(lost, other.lost);
    sum(late, other.late);
    sum(refused, other.refused);
    sum(cut, other.cut);
    sum(unsure, other.unsure);
}

}  // namespace shoal::overlay

template <>
struct std::hash<shoal::overlay::SearchId> {
    // Its bytes are random already.
    std::size_t operator()(const shoal::overlay::SearchId& id) const noexcept {
        std::size_t word = 0;
        std::memcpy(&word, id.bytes.data(), sizeof word);
        return word;
    }
};
