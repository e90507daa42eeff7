// The inputs of Download; its outputs are in download_poll.cpp.
#include "shoal/swarm/download.hpp"

#include <algorithm>
#include <utility>

#include "swarm/chunk_book.hpp"
#include "swarm/source_book.hpp"

namespace shoal::swarm {

namespace {

constexpr Duration busy_rest_first = 200ms;
constexpr Duration busy_rest_most = 2s;
constexpr std::uint32_t refusals_max = 16;  // of chunks that it claims, in a row; then it rests

}  // namespace

Download::Download(Shape shape, Bitmap held, Config config)
    : shape_(shape),
      config_(config),
      chunks_(std::make_unique<ChunkBook>(shape, std::move(held), config.seed)),
      sources_(std::make_unique<SourceBook>(config.leaf_bytes)) {}

Download::Download(Download&&) noexcept = default;
Download& Download::operator=(Download&&) noexcept = default;
Download::~Download() = default;

// Sources and what they hold ------------------------------------------------------------------

void Download::handle_source(SourceId source, TimePoint now) {
    if (banned_.contains(source) || sources_->find(source) != nullptr) {
        return;
    }
    sources_->add(source).chunks = Bitmap(shape_.chunk_count());
    share_out(now);
}

void Download::handle_source_gone(SourceId source, TimePoint now) {
    std::erase_if(actions_, [source](const Action& action) {
        const auto* cancel = std::get_if<CancelAsk>(&action);
        return cancel != nullptr && cancel->source == source;
    });
    if (sources_->find(source) != nullptr) {
        remove(source);
        share_out(now);
    }
}

void Download::handle_closing(SourceId source) {
    if (Source* found = sources_->find(source)) {
        found->closing = true;
        abandon_owned(source);
    }
}

void Download::handle_holds(SourceId source, const Bitmap& chunks) {
    Source* found = sources_->find(source);
    if (found == nullptr || chunks.size() != shape_.chunk_count()) {
        return;
    }
    if (chunks.all()) {
        handle_holds_all(source);
        return;
    }
    for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
        if (chunks.test(chunk)) {
            add_holding(*found, {chunk});
        }
    }
    shared_out_at_.reset();
    wake(*found);
}

void Download::handle_holds_all(SourceId source) {
    Source* found = sources_->find(source);
    if (found == nullptr || found->holds_all) {
        return;
    }
    clear_holdings(*found);
    sources_->set_holds_all(*found, true);
    shared_out_at_.reset();
    wake(*found);
}

void Download::handle_have(SourceId source, ChunkIndex first, std::uint32_t count) {
    Source* found = sources_->find(source);
    if (found == nullptr || found->holds_all || first.value >= shape_.chunk_count()) {
        return;
    }
    const Bitmap& known = found->chunks;
    const std::size_t end = first.value + std::min(count, shape_.chunk_count() - first.value);
    const std::size_t news = known.next_clear(first.value);
    for (std::size_t chunk = news; chunk < end; chunk = known.next_clear(chunk + 1)) {
        add_holding(*found, {static_cast<std::uint32_t>(chunk)});
    }
    if (news < end) {
        wake(*found);
    }
}

void Download::add_holding(Source& source, ChunkIndex chunk) {
    if (source.holds_all || !source.chunks.set(chunk.value)) {
        return;
    }
    chunks_->rarity().raise(chunk.value);
    source.fresh += chunks_->fresh(chunk) ? 1 : 0;
    source.useful += chunks_->held(chunk) ? 0 : 1;
}

void Download::remove_holding(Source& source, ChunkIndex chunk) {
    if (source.holds_all) {
        sources_->set_holds_all(source, false);
        for (std::uint32_t other = 0; other < shape_.chunk_count(); ++other) {
            add_holding(source, {other});
        }
    }
    if (source.chunks.clear(chunk.value)) {
        chunks_->rarity().lower(chunk.value);
        source.fresh -= chunks_->fresh(chunk) ? 1 : 0;
        source.useful -= chunks_->held(chunk) ? 0 : 1;
    }
}

// A source that holds all is counted as one number, not in every chunk's rarity.
void Download::clear_holdings(Source& source) {
    sources_->set_holds_all(source, false);
    for (std::uint32_t chunk = 0; source.chunks.count() > 0; ++chunk) {
        if (source.chunks.clear(chunk)) {
            chunks_->rarity().lower(chunk);
        }
    }
    source.fresh = 0;
    source.useful = 0;
}

// Leaves --------------------------------------------------------------------------------------

Verdict Download::handle_leaf(SourceId source, AskId ask, LeafIndex leaf, TimePoint now) {
    Source* from = sources_->find(source);
    if (from == nullptr) {
        return Verdict::unknown;
    }
    Request* request = from->find(ask);
    const bool late = request == nullptr;
    if (late) {
        request = from->find_late(ask);
    }
    if (request == nullptr || !request->covers(leaf)) {
        return Verdict::unknown;
    }
    from->pace.handle_leaf(now, request->asked_at);
    sources_->together().handle_leaf(now, request->asked_at);
    if (std::exchange(from->stalled, false)) {
        from->rests_until.reset();
        wake(*from);
    }
    const Verdict verdict =
        late ? arrive_late(*from, *request, leaf) : arrive(*from, *request, leaf);
    duplicates_ += verdict == Verdict::duplicate ? 1 : 0;
    return verdict;
}

Verdict Download::arrive(Source& source, Request& request, LeafIndex leaf) {
    const bool doubled = request.doubled;
    source.owed -= leaf.value + 1 - request.next.value;
    for (; request.next < leaf; ++request.next) {
        unask(request.next);  // skipped: up for asking again
    }
    ++request.next;
    const Verdict verdict = accept(source, leaf);
    unask(leaf);
    if (doubled) {
        cancel_redundant(leaf);
    }
    if (source.owed < source.window) {
        wake(source);
    }
    return verdict;
}

// An ask that was cancelled, but its bytes were on their way already.
Verdict Download::arrive_late(Source& source, Request& request, LeafIndex leaf) {
    request.next = {leaf.value + 1};
    const ChunkIndex chunk = shape_.chunk_of(leaf);
    if (chunks_->fresh(chunk) && !source.suspect && !disputed_.contains(chunk)) {
        open_chunk(chunk, source);
        wake_all();
    }
    const Verdict verdict = accept(source, leaf);
    cancel_redundant(leaf);
    return verdict;
}

Verdict Download::accept(const Source& source, LeafIndex leaf) {
    const ActiveChunk* state = chunks_->active(shape_.chunk_of(leaf));
    if (state == nullptr || (state->owner && *state->owner != source.id)) {
        return Verdict::duplicate;
    }
    return chunks_->arrive(leaf, source.id) ? Verdict::wanted : Verdict::duplicate;
}

void Download::handle_done(SourceId source, AskId ask, TimePoint now) {
    Source* from = sources_->find(source);
    Request* request = from == nullptr ? nullptr : from->find(ask);
    if (request == nullptr) {
        forget_late(from, ask);
        return;
    }
    from->rest = Duration{0};
    from->refusals = 0;
    from->pace.handle_run_done(now, request->asked_at);
    take_back(*from, *request, now);
    fit_window(*from);
    std::exchange(capped_, false) ? wake_all() : wake(*from);
}

void Download::handle_refused(SourceId source, AskId ask, Refusal why, TimePoint now) {
    Source* from = sources_->find(source);
    Request* request = from == nullptr ? nullptr : from->find(ask);
    if (request == nullptr) {
        forget_late(from, ask);
        if (why == Refusal::gone) {
            handle_source_gone(source, now);
        } else if (why == Refusal::busy && from != nullptr) {
            rest(*from, busy_rest_first, busy_rest_most, now);
        }
        return;
    }
    const LeafRun run = request->run;
    take_back(*from, *request, now);
    if (why == Refusal::gone) {
        forget_run(*from, run);
        return handle_source_gone(source, now);
    }
    if (why == Refusal::not_held) {
        disbelieve(*from, run);
    }
    // What was cancelled stands among the late ones: this one nobody cancelled.
    if (why != Refusal::not_held || ++from->refusals > refusals_max) {
        rest(*from, busy_rest_first, busy_rest_most, now);
    }
    wake(*from);
}

// A refusal does not say which chunk of a run is missing: ask for one at a time from now on.
void Download::disbelieve(Source& source, LeafRun run) {
    const ChunkIndex first = shape_.chunk_of(run.first);
    if (first != shape_.chunk_of({run.end().value - 1})) {
        source.chunk_by_chunk = true;
        return;
    }
    remove_holding(source, first);
    const ActiveChunk* state = chunks_->active(first);
    if (state != nullptr && state->owner == source.id) {
        abandon(first);
    }
}

// Verdicts on chunks --------------------------------------------------------------------------

void Download::handle_verified(ChunkIndex chunk) {
    if (chunks_->held(chunk)) {
        return;
    }
    const std::vector<SourceId> from = senders(chunk);
    const bool was_fresh = chunks_->fresh(chunk);
    chunks_->hold(chunk);
    disputed_.erase(chunk);
    for (Source& source : sources_->all()) {
        if (!source.holds_all && source.chunks.test(chunk.value)) {
            --source.useful;
            source.fresh -= was_fresh ? 1 : 0;
        }
    }
    const bool one_sender = !from.empty() && std::count(from.begin(), from.end(), from[0]) ==
                                                 static_cast<std::ptrdiff_t>(from.size());
    if (Source* proven = one_sender ? sources_->find(from[0]) : nullptr) {
        proven->suspect = false;
        wake(*proven);
    }
    if (complete()) {
        for (Source& source : sources_->all()) {
            cancel_all(source);
        }
    }
}

std::vector<SourceId> Download::senders(ChunkIndex chunk) const {
    const ActiveChunk* state = chunks_->active(chunk);
    std::vector<SourceId> from;
    if (state != nullptr && state->ready()) {
        for (const Leaf& leaf : state->leaves) {
            from.push_back(leaf.from);
        }
    }
    return from;
}

std::vector<SourceId> Download::handle_bad(ChunkIndex chunk) {
    std::vector<SourceId> from = senders(chunk);
    if (from.empty()) {
        return from;
    }
    std::sort(from.begin(), from.end());
    from.erase(std::unique(from.begin(), from.end()), from.end());
    abandon(chunk);
    const bool explained = std::any_of(
        from.begin(), from.end(), [this](SourceId source) { return banned_.contains(source); });
    if (from.size() == 1) {
        drop(from[0]);
    } else if (!explained) {
        disputed_.insert(chunk);
        for (const SourceId source : from) {
            if (Source* found = sources_->find(source)) {
                found->suspect = true;
            }
        }
    }
    wake_all();
    return from;
}

void Download::handle_stale(ChunkIndex chunk) {
    abandon(chunk);
    wake_all();
}

void Download::handle_liar(SourceId source) {
    drop(source);
    wake_all();
}

// State ---------------------------------------------------------------------------------------

void Download::pause(bool paused) {
    paused_ = paused;
    wake_all();
}

void Download::set_rate_limit(std::uint64_t bytes_per_second) { rate_limit_ = bytes_per_second; }

bool Download::complete() const { return held().all(); }

const Bitmap& Download::held() const { return chunks_->held(); }

bool Download::ready(ChunkIndex chunk) const {
    const ActiveChunk* state = chunks_->active(chunk);
    return state != nullptr && state->ready();
}

bool Download::has_useful_source() const {
    const auto useful = [this](const Source& source) {
        return !source.closing && (source.holds_all ? !complete() : source.useful > 0);
    };
    return std::any_of(sources_->all().begin(), sources_->all().end(), useful);
}

std::uint64_t Download::duplicate_leaves() const { return duplicates_; }

double Download::rate(SourceId source, TimePoint now) const {
    const Source* found = sources_->find(source);
    return found == nullptr ? 0 : found->pace.recent_rate(now);
}

std::uint32_t Download::claims(SourceId source) const {
    const Source* found = sources_->find(source);
    if (found == nullptr || found->closing) {
        return 0;
    }
    const auto missing = static_cast<std::uint32_t>(held().size() - held().count());
    return found->holds_all ? missing : found->useful;
}

std::size_t Download::outstanding(SourceId source) const {
    const Source* found = sources_->find(source);
    return found == nullptr ? 0 : found->owed;
}

}  // namespace shoal::swarm
