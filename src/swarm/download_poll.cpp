// The outputs of Download: when to look at a source, how much to ask of it, and for what.
#include <algorithm>
#include <bit>
#include <utility>

#include "shoal/swarm/download.hpp"
#include "swarm/chunk_book.hpp"
#include "swarm/source_book.hpp"

namespace shoal::swarm {

namespace {

constexpr Duration share_period = 20ms;
constexpr Duration endgame_period = 20ms;
constexpr std::size_t asks_per_source_max = 256;
constexpr double link_gain = 2;        // a source may wait for so many times what all owe together
constexpr double crowd_run_s = 0.005;  // of the link, a run of several chunks in a crowd
constexpr std::uint64_t crowd_gain = 2;  // in a crowd so many times what is usual is asked for

}  // namespace

std::optional<Action> Download::poll(TimePoint now) {
    look_at_timers(now);
    if (!actions_.empty()) {
        const Action action = actions_.front();
        actions_.pop_front();
        return action;
    }
    if (!shared_out_at_ || now - *shared_out_at_ >= share_period) {
        share_out(now);
    }
    while (!eager_.empty()) {
        const SourceId id = eager_.front();
        eager_.pop_front();
        Source* source = sources_->find(id);
        if (source == nullptr) {
            continue;
        }
        source->eager = false;
        if (const auto action = try_ask(*source, now)) {
            wake(*source);  // at the end of the queue: sources take turns
            return action;
        }
    }
    return std::nullopt;
}

std::optional<TimePoint> Download::next_timeout() const {
    return complete() ? std::nullopt : wake_at_;
}

// When ----------------------------------------------------------------------------------------

void Download::wake(Source& source) {
    if (!std::exchange(source.eager, true)) {
        eager_.push_back(source.id);
    }
}

void Download::wake_all() {
    for (Source& source : sources_->all()) {
        wake(source);
    }
}

void Download::schedule(TimePoint when) { wake_at_ = wake_at_ ? std::min(*wake_at_, when) : when; }

void Download::look_at_timers(TimePoint now) {
    if (!wake_at_ || now < *wake_at_ || complete()) {
        return;
    }
    wake_at_.reset();
    bool busy = false;
    bool idle = false;
    for (Source& source : sources_->all()) {
        look_at(source, now);
        busy = busy || source.owed > 0;
        idle = idle || (source.owed == 0 && !source.closing && !source.rests_until);
    }
    if (busy && idle && nothing_left() && !paused_) {
        wake_all();
        schedule(now + endgame_period);
    }
}

void Download::look_at(Source& source, TimePoint now) {
    if (source.rests_until && now >= *source.rests_until) {
        source.rests_until.reset();
        wake(source);
    } else if (source.rests_until) {
        schedule(*source.rests_until);
    }
    if (source.owed == 0) {
        return;
    }
    const Duration patient = patience(source);
    const Duration silence = source.pace.silence(now);
    if (silence < patient) {
        schedule(now + (patient - silence));
        return;
    }
    if (!owed_elsewhere(source)) {
        schedule(now + patient / 2);  // it may be the queue there: nobody else is quicker
        return;
    }
    cancel_all(source);
    source.stalled = true;
    rest(source, patient, stall_rest_most, now);
}

// Somebody else could be asked for some of what it owes.
bool Download::owed_elsewhere(const Source& source) const {
    const auto could = [&](const Source& other, const Request& request) {
        return other.id != source.id && !other.closing && !other.rests_until &&
               other.holds(shape_.chunk_of({request.run.end().value - 1}));
    };
    return std::any_of(source.live.begin(), source.live.end(), [&](const Request& request) {
        return request.owed() > 0 &&
               std::any_of(sources_->all().begin(), sources_->all().end(),
                           [&](const Source& other) { return could(other, request); });
    });
}

// A slow link here makes all sources look slow, and so does a shell that reads slowly on purpose.
Duration Download::patience(const Source& source) const {
    const auto wait = [](double bytes, double rate) {
        return std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(rate > 0 ? std::min(bytes / rate, 3600.0) : 0));
    };
    const double leaf = config_.leaf_bytes;
    const Duration own = source.pace.patience(config_.patience_min, config_.patience_max);
    const Duration all =
        wait(link_gain * static_cast<double>(sources_->owed()) * leaf, sources_->together().rate());
    return std::max(own, all) +
           wait(4 * leaf * static_cast<double>(std::max<std::size_t>(sharers_, 1)),
                static_cast<double>(rate_limit_));
}

// How much ------------------------------------------------------------------------------------

// Somebody else may be fetching the file too.
bool Download::maybe_crowd() const { return sources_->complete_count() < sources_->all().size(); }

bool Download::takes_share(const Source& source) const {
    const std::size_t fresh = source.holds_all ? chunks_->rarity().size() : source.fresh;
    return !source.closing && !source.rests_until && (fresh > 0 || source.owed > 0);
}

void Download::share_out(TimePoint now) {
    shared_out_at_ = now;
    double known_rate = 0;
    std::size_t known = 0;
    sharers_ = 0;
    crowd_ = false;
    for (const Source& source : sources_->all()) {
        crowd_ = crowd_ || (!source.holds_all && source.chunks.count() > 0);
        if (takes_share(source)) {
            ++sharers_;
            known += source.pace.rate() > 0 ? 1 : 0;
            known_rate += source.pace.rate();
        }
    }
    const double usual = known > 0 ? known_rate / static_cast<double>(known) : 1;
    const double total =
        std::max(known_rate + usual * static_cast<double>(sharers_ - known), usual);
    for (Source& source : sources_->all()) {
        const double rate = source.pace.rate() > 0 ? source.pace.rate() : usual;
        source.share_bytes = static_cast<double>(config_.outstanding_bytes) * rate / total;
        fit_window(source);
    }
}

void Download::fit_window(Source& source) const {
    source.window = source.pace.window(source.share_bytes);
    source.run = source.pace.run(source.window, config_.run_leaves_max);
    if (crowd_) {  // what is verified sooner is passed on sooner
        const double lasts = source.pace.rate() * crowd_run_s / config_.leaf_bytes;
        source.run = std::min(source.run,
                              std::max(shape_.leaves_per_chunk, static_cast<std::uint32_t>(lasts)));
    }
}

// What ----------------------------------------------------------------------------------------

std::optional<Action> Download::try_ask(Source& source, TimePoint now) {
    if (paused_ || source.closing || source.rests_until || source.owed >= source.window ||
        source.live.size() >= asks_per_source_max || complete()) {
        return std::nullopt;
    }
    auto run = pick_next_read(source);
    if (!run && crowd_ && enough_asked()) {
        capped_ = true;
        return std::nullopt;
    }
    if (!run) {
        run = pick_open(source, false);
    }
    if (!run) {
        run = pick_fresh(source);
    }
    if (!run && source.suspect) {
        run = pick_open(source, true);  // better mixed than not at all
    }
    if (run) {
        return book(source, *run, false, now);
    }
    if (source.owed > 0 || source.suspect || !nothing_left()) {
        return std::nullopt;
    }
    schedule(now + endgame_period);
    run = pick_double(source, now);
    if (!run) {
        return std::nullopt;
    }
    return book(source, *run, true, now);
}

// Each source is asked for one run at least; when there are very many, not all at once.
bool Download::enough_asked() const {
    return sources_->owed() * config_.leaf_bytes >= crowd_gain * config_.outstanding_bytes;
}

std::optional<LeafRun> Download::pick_open(const Source& source, bool mixing) const {
    for (const ChunkIndex index : chunks_->open_chunks()) {
        const ActiveChunk& chunk = *chunks_->active(index);
        const bool may = chunk.owner ? *chunk.owner == source.id : mixing || !source.suspect;
        if (!may || !source.holds(index)) {
            continue;
        }
        return unasked_run(source, index);
    }
    return std::nullopt;
}

// The first stretch of an active chunk that nobody was asked for; there is one.
LeafRun Download::unasked_run(const Source& source, ChunkIndex chunk) const {
    const std::vector<Leaf>& leaves = chunks_->active(chunk)->leaves;
    const auto begin =
        std::find_if(leaves.begin(), leaves.end(), [](const Leaf& leaf) { return leaf.unasked(); });
    const auto end =
        std::find_if(begin, leaves.end(), [](const Leaf& leaf) { return !leaf.unasked(); });
    const auto offset = static_cast<std::uint64_t>(begin - leaves.begin());
    return {{shape_.first_leaf(chunk).value + offset},
            std::min(static_cast<std::uint32_t>(end - begin), source.run)};
}

std::optional<LeafRun> Download::pick_fresh(const Source& source) {
    const Rarity& rarity = chunks_->rarity();
    if (!source.holds_all && source.fresh == 0) {
        return std::nullopt;
    }
    for (const std::uint32_t chunk :
         source.holds_all ? rarity.rarest_first() : rarity.available()) {
        if (!source.holds({chunk})) {
            continue;
        }
        const LeafRun run = span_around(source, go_on_or(source, {chunk}));
        const std::uint64_t last = run.end().value - 1;
        for (ChunkIndex open = shape_.chunk_of(run.first); open <= shape_.chunk_of({last});
             ++open) {
            open_chunk(open, source);
        }
        return run;
    }
    return std::nullopt;
}

// A source fast enough for runs of several chunks goes on where it was, when that is as rare:
// disks like it, and no crumbs are left between its runs.
ChunkIndex Download::go_on_or(const Source& source, ChunkIndex rarest) const {
    const ChunkIndex next = shape_.chunk_of(source.last_run_end);
    const Rarity& rarity = chunks_->rarity();
    const bool fast = source.run >= 2 * shape_.leaves_per_chunk;
    const bool fits = fast && next.value < shape_.chunk_count() && chunks_->fresh(next) &&
                      source.holds(next) && !disputed_.contains(next) &&
                      rarity.level(next.value) <= rarity.level(rarest.value);
    return fits ? next : rarest;
}

// The part of a fast source's run that starts at a multiple of its length and holds `chunk`,
// as far as the chunks beside it are no more common.
LeafRun Download::span_around(const Source& source, ChunkIndex chunk) const {
    const std::uint32_t whole = source.run / shape_.leaves_per_chunk;
    if (whole < 2 || source.suspect || source.chunk_by_chunk || disputed_.contains(chunk)) {
        return {shape_.first_leaf(chunk), std::min(source.run, shape_.leaves_in(chunk))};
    }
    const Rarity& rarity = chunks_->rarity();
    const auto joins = [&](std::uint32_t other) {
        return chunks_->fresh({other}) && source.holds({other}) && !disputed_.contains({other}) &&
               rarity.level(other) <= rarity.level(chunk.value);
    };
    const std::uint32_t span = std::bit_floor(whole);
    const std::uint32_t low = chunk.value - chunk.value % span;
    const std::uint32_t high = std::min(low + span, shape_.chunk_count());
    std::uint32_t begin = chunk.value;
    while (begin > low && joins(begin - 1)) {
        --begin;
    }
    std::uint32_t end = chunk.value + 1;
    while (end < high && joins(end)) {
        ++end;
    }
    const LeafIndex first = shape_.first_leaf({begin});
    const std::uint64_t last = shape_.first_leaf({end - 1}).value + shape_.leaves_in({end - 1});
    return {first, static_cast<std::uint32_t>(last - first.value)};
}

}  // namespace shoal::swarm
