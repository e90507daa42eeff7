#include "swarm/chunk_book.hpp"

#include <algorithm>
#include <utility>

#include "swarm/insist.hpp"

namespace shoal::swarm {

ChunkBook::ChunkBook(Shape shape, Bitmap held, std::uint64_t seed)
    : shape_(shape),
      held_(std::move(held)),
      rarity_(shape.chunk_count(), seed),
      slot_of_(shape.chunk_count(), no_slot) {
    for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
        if (!held_.test(chunk)) {
            rarity_.insert(chunk);
        }
    }
}

const ActiveChunk* ChunkBook::active(ChunkIndex chunk) const {
    const std::uint32_t at = slot_of_[chunk.value];
    return at == no_slot ? nullptr : &slots_[at];
}

std::vector<ChunkIndex> ChunkBook::active_chunks() const {
    std::vector<ChunkIndex> found;
    for (const ActiveChunk& chunk : slots_) {
        if (!chunk.leaves.empty()) {
            found.push_back(chunk.index);
        }
    }
    return found;
}

bool ChunkBook::leaf_is_here(LeafIndex leaf) const {
    const ChunkIndex chunk = shape_.chunk_of(leaf);
    const ActiveChunk* state = active(chunk);
    return state == nullptr ? held(chunk)
                            : state->leaves[leaf.value - shape_.first_leaf(chunk).value].here;
}

void ChunkBook::open(ChunkIndex chunk, std::optional<SourceId> owner) {
    rarity_.erase(chunk.value);
    if (free_slots_.empty()) {
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    slot_of_[chunk.value] = free_slots_.back();
    free_slots_.pop_back();
    ActiveChunk& state = slot(chunk);
    state.index = chunk;
    state.leaves.assign(shape_.leaves_in(chunk), Leaf{});
    state.here = 0;
    state.unasked = shape_.leaves_in(chunk);
    state.owner = owner;
    open_.push_back(chunk);
}

// The slot keeps the memory of its leaves for the next chunk.
void ChunkBook::free_slot(ChunkIndex chunk) {
    ActiveChunk& state = slot(chunk);
    if (state.unasked > 0) {
        std::erase(open_, chunk);
    }
    state.leaves.clear();
    free_slots_.push_back(std::exchange(slot_of_[chunk.value], no_slot));
}

void ChunkBook::add_unasked(ActiveChunk& chunk) {
    if (chunk.unasked++ == 0) {
        open_.push_back(chunk.index);
    }
}

void ChunkBook::take_unasked(ActiveChunk& chunk) {
    if (--chunk.unasked == 0) {
        std::erase(open_, chunk.index);
    }
}

void ChunkBook::ask(LeafIndex leaf) {
    ActiveChunk& chunk = slot(shape_.chunk_of(leaf));
    Leaf& state = leaf_of(chunk, leaf);
    if (state.unasked()) {
        take_unasked(chunk);
    }
    ++state.asks;
}

bool ChunkBook::unask(LeafIndex leaf) {
    const ChunkIndex index = shape_.chunk_of(leaf);
    if (active(index) == nullptr) {
        return false;
    }
    ActiveChunk& chunk = slot(index);
    Leaf& state = leaf_of(chunk, leaf);
    --state.asks;
    if (!state.unasked()) {
        return false;
    }
    add_unasked(chunk);
    return true;
}

bool ChunkBook::arrive(LeafIndex leaf, SourceId from) {
    ActiveChunk& chunk = slot(shape_.chunk_of(leaf));
    Leaf& state = leaf_of(chunk, leaf);
    if (state.here) {
        return false;
    }
    if (state.unasked()) {
        take_unasked(chunk);
    }
    state.here = true;
    state.from = from;
    ++chunk.here;
    return true;
}

void ChunkBook::hold(ChunkIndex chunk) {
    if (active(chunk) != nullptr) {
        free_slot(chunk);
    } else if (fresh(chunk)) {
        rarity_.erase(chunk.value);
    }
    held_.set(chunk.value);
}

void ChunkBook::forget_leaves(ChunkIndex chunk, std::optional<SourceId> from) {
    ActiveChunk& state = slot(chunk);
    for (Leaf& leaf : state.leaves) {
        if (leaf.here && (!from || leaf.from == *from)) {
            leaf.here = false;
            --state.here;
            if (leaf.unasked()) {
                add_unasked(state);
            }
        }
    }
}

bool ChunkBook::close_if_empty(ChunkIndex chunk) {
    const ActiveChunk* state = active(chunk);
    if (state == nullptr || state->unasked != state->leaves.size()) {
        return false;
    }
    free_slot(chunk);
    rarity_.insert(chunk.value);
    return true;
}

void ChunkBook::check_invariants() const {
    rarity_.check_invariants();
    std::size_t open_count = 0;
    for (std::uint32_t index = 0; index < shape_.chunk_count(); ++index) {
        const ActiveChunk* state = active({index});
        const int states = int{held_.test(index)} + int{fresh({index})} + int{state != nullptr};
        insist(states == 1, "a chunk is not exactly one of fresh, active, held");
        if (state == nullptr) {
            continue;
        }
        insist(state->index.value == index, "a slot belongs to another chunk");
        insist(state->leaves.size() == shape_.leaves_in({index}), "a chunk has other leaves");
        std::uint32_t here = 0;
        std::uint32_t unasked = 0;
        for (const Leaf& leaf : state->leaves) {
            here += leaf.here ? 1 : 0;
            unasked += leaf.unasked() ? 1 : 0;
        }
        insist(here == state->here, "a chunk counts its leaves wrong");
        insist(unasked == state->unasked, "a chunk counts its unasked leaves wrong");
        insist(unasked < state->leaves.size(), "an active chunk has neither asks nor leaves");
        const bool listed = std::find(open_.begin(), open_.end(), state->index) != open_.end();
        insist(listed == (unasked > 0), "the open list is wrong about a chunk");
        open_count += listed ? 1 : 0;
    }
    insist(open_count == open_.size(), "the open list has strangers");
}

}  // namespace shoal::swarm
