// ChunkBook: the state of every chunk and, of the active ones, of every leaf.
//
//   fresh ──open()──▶ active ──hold()──▶ held
//     ◀── the last ask is given up and no leaf is here ──┘
//
// A fresh chunk costs a few bytes (its place in the rarity order); leaves have a state only
// while their chunk is active.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/swarm/download.hpp"
#include "swarm/rarity.hpp"

namespace shoal::swarm {

struct Leaf {
    SourceId from{};        // who sent it, when here
    std::uint16_t asks{0};  // live asks that still cover it
    bool here{false};       // arrived, not yet verified
    [[nodiscard]] bool unasked() const { return !here && asks == 0; }
};

struct ActiveChunk {
    ChunkIndex index;
    std::vector<Leaf> leaves;
    std::uint32_t here{0};
    std::uint32_t unasked{0};
    std::optional<SourceId> owner;  // only this source may be asked for its leaves
    [[nodiscard]] bool ready() const { return here == leaves.size(); }
};

class ChunkBook {
  public:
    ChunkBook(Shape shape, Bitmap held, std::uint64_t seed);

    [[nodiscard]] const Bitmap& held() const { return held_; }
    [[nodiscard]] bool held(ChunkIndex chunk) const { return held_.test(chunk.value); }
    [[nodiscard]] bool fresh(ChunkIndex chunk) const { return rarity_.contains(chunk.value); }
    // Null when it is not active. Valid until the next open(), hold(), unask() or forget_leaves().
    [[nodiscard]] const ActiveChunk* active(ChunkIndex chunk) const;
    [[nodiscard]] Rarity& rarity() { return rarity_; }
    [[nodiscard]] const Rarity& rarity() const { return rarity_; }
    // Active chunks with leaves that nobody was asked for, oldest first.
    [[nodiscard]] const std::vector<ChunkIndex>& open_chunks() const { return open_; }
    [[nodiscard]] std::vector<ChunkIndex> active_chunks() const;
    [[nodiscard]] bool leaf_is_here(LeafIndex leaf) const;  // or its chunk is held

    void open(ChunkIndex chunk, std::optional<SourceId> owner);
    // A live ask covers the leaf; the chunk is active.
    void ask(LeafIndex leaf);
    // A live ask covers it no longer. No-op when the chunk is held. True when the leaf is
    // up for asking again.
    bool unask(LeafIndex leaf);
    // The leaf is here now. The chunk is active; false when it was here already.
    bool arrive(LeafIndex leaf, SourceId from);
    void hold(ChunkIndex chunk);
    // The leaves that are here count no longer: all, or those that one source sent.
    void forget_leaves(ChunkIndex chunk, std::optional<SourceId> from);
    // An active chunk without asks and leaves is fresh again; true when it was.
    bool close_if_empty(ChunkIndex chunk);

    void check_invariants() const;

  private:
    static constexpr std::uint32_t no_slot = UINT32_MAX;

    ActiveChunk& slot(ChunkIndex chunk) { return slots_[slot_of_[chunk.value]]; }
    Leaf& leaf_of(ActiveChunk& chunk, LeafIndex leaf) {
        return chunk.leaves[leaf.value - shape_.first_leaf(chunk.index).value];
    }
    void free_slot(ChunkIndex chunk);
    void add_unasked(ActiveChunk& chunk);
    void take_unasked(ActiveChunk& chunk);

    Shape shape_;
    Bitmap held_;
    Rarity rarity_;
    std::vector<std::uint32_t> slot_of_;  // of each chunk; no_slot unless active
    std::vector<ActiveChunk> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<ChunkIndex> open_;
};

}  // namespace shoal::swarm
