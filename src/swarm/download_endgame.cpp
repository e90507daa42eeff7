// The endgame of Download: when nothing is left that is not pending, an idle source may double what
// a slower one still owes.
#include <algorithm>
#include <cmath>
#include <utility>

#include "shoal/swarm/download.hpp"
#include "swarm/chunk_book.hpp"
#include "swarm/source_book.hpp"

namespace shoal::swarm {

namespace {

constexpr double double_gain = 2;        // double when that is so many times sooner,
constexpr double double_margin_s = 0.1;  // and by this much
constexpr double unknown_wait_s = 0.1;   // of a source that has not been timed yet

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

// Everything that some source holds is asked for or here.
bool Download::nothing_left() const {
    const Rarity& rarity = chunks_->rarity();
    return chunks_->open_chunks().empty() &&
           (sources_->complete_count() > 0 ? rarity.size() == 0 : rarity.available().empty());
}

// Of all asks the one that will take longest, where this idle source is much sooner.
std::optional<LeafRun> Download::pick_double(const Source& source, TimePoint now) {
    std::optional<LeafRun> none;
    std::pair<Source*, std::size_t> slowest{nullptr, 0};
    double longest_s = 0;
    for (Source& other : sources_->all()) {
        const double silence_s = seconds(other.pace.silence(now));
        double ahead = 0;
        for (std::size_t index = 0; index < other.live.size() && other.id != source.id; ++index) {
            const Request& request = other.live[index];
            ahead += static_cast<double>(request.owed()) * config_.leaf_bytes;
            const double wait_s =
                other.pace.rate() > 0 ? std::max(ahead / other.pace.rate(), silence_s) : silence_s;
            const LeafIndex last{request.run.end().value - 1};
            if (wait_s > longest_s && request.owed() > 0 && may_double(source, last)) {
                longest_s = wait_s;
                slowest = {&other, index};
            }
        }
    }
    if (slowest.first == nullptr) {
        return none;
    }
    Request& request = slowest.first->live[slowest.second];
    const ChunkIndex last = shape_.chunk_of({request.run.end().value - 1});
    if (chunks_->active(last)->owner) {
        return take_over(source, *slowest.first, last, longest_s, now);
    }
    return double_tail(source, *slowest.first, request, longest_s);
}

bool Download::may_double(const Source& source, LeafIndex leaf) const {
    const ChunkIndex index = shape_.chunk_of(leaf);
    const ActiveChunk* chunk = chunks_->active(index);
    if (chunk == nullptr || !source.holds(index)) {
        return false;
    }
    const Leaf& state = chunk->leaves[leaf.value - shape_.first_leaf(index).value];
    return !state.here && state.asks == 1;
}

// The end of the slower one's run, as much as both finish at once: they meet in the middle,
// and what arrived from both is a leaf or so.
std::optional<LeafRun> Download::double_tail(const Source& source, const Source& slow,
                                             Request& request, double wait_s) {
    std::uint64_t first = request.run.end().value;
    while (first > request.next.value && may_double(source, {first - 1}) &&
           !chunks_->active(shape_.chunk_of({first - 1}))->owner) {
        --first;
    }
    const auto most = static_cast<std::uint32_t>(request.run.end().value - first);
    double part = most;
    const double mine = source.pace.rate();
    if (mine > 0 && wait_s > 0) {
        const double theirs = std::min(slow.pace.rate(), part * config_.leaf_bytes / wait_s);
        part *= mine / (mine + theirs);
    }
    const auto leaves = std::min({static_cast<std::uint32_t>(std::ceil(part)), most, source.run});
    if (wait_s <= double_gain * time_for(source, leaves) + double_margin_s) {
        return std::nullopt;
    }
    request.doubled = true;
    return LeafRun{{request.run.end().value - leaves}, leaves};
}

// A chunk that one source must send alone is not shared but taken from a much slower one. That
// one rests until it sends something, which tells its rate: else two of unknown rates would take
// it in turns for ever.
std::optional<LeafRun> Download::take_over(const Source& source, Source& slow, ChunkIndex chunk,
                                           double wait_s, TimePoint now) {
    const double mine_s = time_for(source, shape_.leaves_in(chunk));
    if (wait_s <= double_gain * mine_s + double_margin_s) {
        return std::nullopt;
    }
    slow.stalled = true;
    rest(slow, patience(slow), stall_rest_most, now);
    abandon(chunk);
    return pick_fresh(source);
}

double Download::time_for(const Source& source, std::uint32_t leaves) const {
    const double rate = source.pace.rate();
    return rate > 0 ? std::max(seconds(source.pace.usual_answer()),
                               seconds(source.pace.round_trip()) +
                                   static_cast<double>(leaves) * config_.leaf_bytes / rate)
                    : unknown_wait_s;
}

}  // namespace shoal::swarm
