// Download for readers: what they need next goes before what is rare. Ahead of each reader lies a
// window; in it the nearest leaf that nobody was asked for is asked for first. What is beyond
// the windows is fetched as ever, so that a slow reader does not slow the download.
#include <algorithm>

#include "shoal/swarm/download.hpp"
#include "swarm/chunk_book.hpp"
#include "swarm/source_book.hpp"

namespace shoal::swarm {

namespace {
constexpr std::uint32_t window_chunks = 512;
constexpr std::size_t readers_max = 16;  // more of them are served as they come
}  // namespace

void Download::set_readers(std::vector<ChunkIndex> positions) {
    std::sort(positions.begin(), positions.end());
    positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
    positions.resize(std::min(positions.size(), readers_max));
    readers_ = std::move(positions);
}

// The nearest askable chunk ahead of a reader, with the reader's own one nearest of all.
std::optional<LeafRun> Download::pick_next_read(const Source& source) {
    std::optional<ChunkIndex> nearest;
    std::uint32_t distance = window_chunks;
    for (const ChunkIndex reader : readers_) {
        for (std::uint32_t ahead = 0; ahead < distance; ++ahead) {
            const ChunkIndex chunk{reader.value + ahead};
            if (chunk.value >= shape_.chunk_count()) {
                break;
            }
            if (may_read_ahead(source, chunk)) {
                nearest = chunk;
                distance = ahead;
                break;
            }
        }
    }
    if (!nearest) {
        return std::nullopt;
    }
    return chunks_->fresh(*nearest) ? open_for_reading(source, *nearest, distance > 0)
                                    : unasked_run(source, *nearest);
}

bool Download::may_read_ahead(const Source& source, ChunkIndex chunk) const {
    if (chunks_->held(chunk) || !source.holds(chunk)) {
        return false;
    }
    const ActiveChunk* state = chunks_->active(chunk);
    if (state == nullptr) {
        return true;
    }
    const bool may = state->owner ? *state->owner == source.id : !source.suspect;
    return may && state->unasked > 0;
}

// A whole chunk, or as many in a row as a fast source's run takes. What the reader waits for is
// asked for alone: the shorter, the sooner.
LeafRun Download::open_for_reading(const Source& source, ChunkIndex chunk, bool may_span) {
    const bool alone = !may_span || source.suspect || source.chunk_by_chunk;
    const std::uint32_t first = chunk.value;
    std::uint32_t end = first + 1;
    std::uint32_t leaves = shape_.leaves_in(chunk);
    const auto joins = [&](ChunkIndex other) {
        return other.value < shape_.chunk_count() && chunks_->fresh(other) && source.holds(other) &&
               !disputed_.contains(other) && leaves + shape_.leaves_in(other) <= source.run;
    };
    while (!alone && !disputed_.contains(chunk) && joins({end})) {
        leaves += shape_.leaves_in({end++});
    }
    for (std::uint32_t open = first; open < end; ++open) {
        open_chunk({open}, source);
    }
    return {shape_.first_leaf(chunk), std::min(leaves, std::max(source.run, 1U))};
}

}  // namespace shoal::swarm
