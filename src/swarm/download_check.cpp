// What must hold between any two calls of a Download.
#include <algorithm>
#include <vector>

#include "shoal/swarm/download.hpp"
#include "swarm/chunk_book.hpp"
#include "swarm/insist.hpp"
#include "swarm/source_book.hpp"

namespace shoal::swarm {

namespace {

void check_holdings(const Source& source, const ChunkBook& chunks) {
    std::uint32_t fresh = 0;
    std::uint32_t useful = 0;
    for (std::uint32_t chunk = 0; chunk < source.chunks.size(); ++chunk) {
        const bool counts = source.chunks.test(chunk);
        fresh += counts && chunks.fresh({chunk}) ? 1 : 0;
        useful += counts && !chunks.held({chunk}) ? 1 : 0;
    }
    insist(!source.holds_all || source.chunks.count() == 0, "a complete source has a bitmap too");
    insist(source.fresh == fresh, "a source counts its fresh chunks wrong");
    insist(source.useful == useful, "a source counts its useful chunks wrong");
}

std::uint64_t check_asks(const Source& source) {
    std::uint64_t owed = 0;
    for (const Request& request : source.live) {
        insist(request.run.first <= request.next && request.next <= request.run.end(),
               "an ask stands outside of its run");
        owed += request.owed();
    }
    insist(source.owed == owed, "a source counts what it owes wrong");
    return owed;
}

}  // namespace

void Download::check_invariants() const {
    chunks_->check_invariants();
    std::vector<std::uint16_t> asks(shape_.leaf_count, 0);
    std::vector<std::uint16_t> chosen(shape_.leaf_count, 0);  // by us, of them
    std::vector<std::uint32_t> levels(shape_.chunk_count(), 0);
    std::uint32_t complete_sources = 0;
    for (const Source& source : sources_->all()) {
        insist(!banned_.contains(source.id), "a banned source is still used");
        insist(sources_->find(source.id) == &source, "a source is not at its place");
        check_holdings(source, *chunks_);
        check_asks(source);
        complete_sources += source.holds_all ? 1 : 0;
        for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
            levels[chunk] += source.chunks.test(chunk) ? 1 : 0;
        }
        for (const Request& request : source.live) {
            for (LeafIndex leaf = request.next; leaf < request.run.end(); ++leaf) {
                ++asks[leaf.value];
                if (!request.substituted) {
                    ++chosen[leaf.value];
                }
            }
        }
        const auto queued = std::count(eager_.begin(), eager_.end(), source.id);
        insist(queued >= (source.eager ? 1 : 0), "an eager source is not in the queue");
    }
    insist(sources_->complete_count() == complete_sources, "complete sources are counted wrong");
    for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
        insist(chunks_->rarity().level(chunk) == levels[chunk], "a chunk's rarity is wrong");
        const ActiveChunk* active = chunks_->active({chunk});
        const std::uint64_t first = shape_.first_leaf({chunk}).value;
        for (std::uint32_t at = 0; active != nullptr && at < active->leaves.size(); ++at) {
            insist(active->leaves[at].asks == asks[first + at], "a leaf counts its asks wrong");
            insist(chosen[first + at] <= 2, "a leaf is asked of more than two");
        }
    }
}

}  // namespace shoal::swarm
