// Strong types for numbers that must not mix.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace shoal {

// An integer with a meaning. Tags make ChunkIndex and LeafIndex different types.
template <typename Tag, typename Rep>
struct StrongId {
    Rep value{};

    friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
    constexpr StrongId& operator++() {
        ++value;
        return *this;
    }
};

using ChunkIndex = StrongId<struct ChunkIndexTag, std::uint32_t>;  // 0 .. chunk count - 1
using LeafIndex = StrongId<struct LeafIndexTag, std::uint64_t>;    // 0 .. leaf count - 1
using SourceId = StrongId<struct SourceIdTag, std::uint32_t>;      // one host as a source of data
using RequestId = StrongId<struct RequestIdTag, std::uint64_t>;    // unique on its connection
using FetchId = StrongId<struct FetchIdTag, std::uint64_t>;        // what a user asked for

// A run of consecutive leaves: the unit of request.
struct LeafRun {
    LeafIndex first{};
    std::uint32_t count{};

    friend constexpr bool operator==(const LeafRun&, const LeafRun&) = default;
    [[nodiscard]] constexpr LeafIndex end() const { return {first.value + count}; }
};

// Names one running process; random, new at each start.
struct NodeId {
    std::array<std::uint8_t, 16> bytes{};
    friend constexpr auto operator<=>(const NodeId&, const NodeId&) = default;
};

}  // namespace shoal

template <typename Tag, typename Rep>
struct std::hash<shoal::StrongId<Tag, Rep>> {
    std::size_t operator()(const shoal::StrongId<Tag, Rep>& id) const noexcept {
        return std::hash<Rep>{}(id.value);
    }
};
