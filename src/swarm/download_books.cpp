// The books of Download: asks, active chunks and sources that come and go. Every change that
// makes leaves askable again wakes the sources.
#include <algorithm>

#include "shoal/swarm/download.hpp"
#include "swarm/chunk_book.hpp"
#include "swarm/source_book.hpp"

namespace shoal::swarm {

// Asks ----------------------------------------------------------------------------------------

Action Download::book(Source& source, LeafRun run, bool doubled, TimePoint now) {
    for (LeafIndex leaf = run.first; leaf < run.end(); ++leaf) {
        chunks_->ask(leaf);
    }
    source.pace.handle_ask(now, source.live.empty());
    sources_->together().handle_ask(now, sources_->owed() == 0);
    source.stalled = false;
    source.owed += run.count;
    source.last_run_end = run.end();
    const AskId id{next_ask_++};
    source.live.push_back({id, run, run.first, now, doubled});
    schedule(now + patience(source));
    return Ask{source.id, id, run, !doubled && takes_substitute(source, run)};
}

bool Download::takes_substitute(const Source& source, LeafRun run) const {
    const ChunkIndex last = shape_.chunk_of({run.end().value - 1});
    const bool whole = run.first == shape_.first_leaf(shape_.chunk_of(run.first)) &&
                       run.end().value == shape_.first_leaf(last).value + shape_.leaves_in(last);
    return whole && source.holds_all && source.substitutes && !source.suspect && readers_.empty() &&
           maybe_crowd();  // who reads wants those and no others
}

void Download::handle_substituted(SourceId source, AskId ask, LeafRun given) {
    Source* from = sources_->find(source);
    Request* request = from == nullptr ? nullptr : from->find(ask);
    if (request == nullptr) {
        request = from == nullptr ? nullptr : from->find_late(ask);
        if (request != nullptr) {
            request->run = given;
            request->next = given.first;
        }
        return;
    }
    const Request asked = *request;
    from->owed += given.count;
    from->owed -= asked.owed();
    request->run = given;
    request->next = given.first;
    request->substituted = true;
    from->substitutes = mark_given(*from, *request);
    release(asked);
}

// False when some of it is here already.
bool Download::mark_given(Source& source, Request& request) {
    bool is_news = true;
    const LeafRun run = request.run;
    for (LeafIndex leaf = run.first; leaf < run.end(); ++leaf) {
        const ChunkIndex chunk = shape_.chunk_of(leaf);
        if (chunks_->fresh(chunk)) {
            open_chunk(chunk, source);
        }
        const ActiveChunk* state = chunks_->active(chunk);
        if (state == nullptr) {
            is_news = false;  // held
            continue;
        }
        const Leaf& known = state->leaves[leaf.value - shape_.first_leaf(chunk).value];
        is_news = is_news && !known.here;
        request.doubled = request.doubled || known.asks > 0;
        chunks_->ask(leaf);
    }
    return is_news;
}

bool Download::unask(LeafIndex leaf) {
    const bool askable = chunks_->unask(leaf);
    if (askable) {
        close_if_empty(shape_.chunk_of(leaf));
    }
    return askable;
}

void Download::release(const Request& request) {
    bool askable = false;
    for (LeafIndex leaf = request.next; leaf < request.run.end(); ++leaf) {
        askable = unask(leaf) || askable;
    }
    if (askable) {
        wake_all();
    }
}

// The books of one ask close: whatever has not arrived may be asked for again.
void Download::take_back(Source& source, Request& request, TimePoint now) {
    const Request copy = request;
    source.owed -= copy.owed();
    source.live.erase(source.live.begin() + (&request - source.live.data()));
    if (source.live.empty()) {
        source.pace.handle_idle(now);
    }
    release(copy);
}

void Download::cancel(Source& source, std::size_t index) {
    const Request request = source.live[index];
    source.live.erase(source.live.begin() + static_cast<std::ptrdiff_t>(index));
    source.owed -= request.owed();
    source.keep_late(request);
    actions_.push_back(CancelAsk{source.id, request.id});
    release(request);
    wake(source);
}

void Download::cancel_all(Source& source) {
    for (std::size_t index = source.live.size(); index-- > 0;) {
        if (source.live[index].owed() > 0) {  // else it only waits for handle_done()
            cancel(source, index);
        }
    }
}

// `leaf` has arrived: an ask that owes nothing else that is missing has lost its race.
void Download::cancel_redundant(LeafIndex leaf) {
    const auto redundant = [this, leaf](const Request& request) {
        if (request.owed() == 0 || leaf < request.run.first || leaf >= request.run.end()) {
            return false;
        }
        LeafIndex owed = request.next;
        while (owed < request.run.end() && chunks_->leaf_is_here(owed)) {
            ++owed;
        }
        return owed == request.run.end();
    };
    for (Source& source : sources_->all()) {
        for (std::size_t index = source.live.size(); index-- > 0;) {
            if (redundant(source.live[index])) {
                cancel(source, index);
            }
        }
    }
}

void Download::forget_late(Source* source, AskId ask) {
    if (source != nullptr) {
        std::erase_if(source->late, [ask](const Request& late) { return late.id == ask; });
    }
}

// Chunks --------------------------------------------------------------------------------------

void Download::open_chunk(ChunkIndex chunk, const Source& by) {
    const bool alone = by.suspect || disputed_.contains(chunk);
    chunks_->open(chunk, alone ? std::optional(by.id) : std::nullopt);
    for (Source& source : sources_->all()) {
        if (!source.holds_all && source.chunks.test(chunk.value)) {
            --source.fresh;
        }
    }
}

void Download::close_if_empty(ChunkIndex chunk) {
    if (!chunks_->close_if_empty(chunk)) {
        return;
    }
    for (Source& source : sources_->all()) {
        if (!source.holds_all && source.chunks.test(chunk.value)) {
            ++source.fresh;
        }
    }
}

// Its leaves are forgotten and its asks given up: it starts anew.
void Download::abandon(ChunkIndex chunk) {
    const LeafIndex first = shape_.first_leaf(chunk);
    const LeafIndex end{first.value + shape_.leaves_in(chunk)};
    for (Source& source : sources_->all()) {
        for (std::size_t index = source.live.size(); index-- > 0;) {
            const Request& request = source.live[index];
            if (request.next < end && first < request.run.end() && request.owed() > 0) {
                cancel(source, index);
            }
        }
    }
    if (chunks_->active(chunk) != nullptr) {
        chunks_->forget_leaves(chunk, std::nullopt);
        close_if_empty(chunk);
    }
    wake_all();
}

void Download::abandon_owned(SourceId owner) {
    for (const ChunkIndex chunk : chunks_->active_chunks()) {
        const ActiveChunk* state = chunks_->active(chunk);
        if (state != nullptr && state->owner == owner && !state->ready()) {
            abandon(chunk);
        }
    }
}

// The file changed under the server: what this ask brought may be padding.
void Download::forget_run(const Source& source, LeafRun run) {
    const std::uint32_t last = shape_.chunk_of({run.end().value - 1}).value;
    for (ChunkIndex chunk = shape_.chunk_of(run.first); chunk.value <= last; ++chunk) {
        const ActiveChunk* state = chunks_->active(chunk);
        if (state != nullptr && !state->ready()) {
            chunks_->forget_leaves(chunk, source.id);
            close_if_empty(chunk);
        }
    }
    wake_all();
}

// Sources -------------------------------------------------------------------------------------

void Download::rest(Source& source, Duration first, Duration most, TimePoint now) {
    if (source.rests_until) {
        return;  // several asks refused at once are one refusal
    }
    source.rest = std::min(source.rest == Duration{0} ? first : 2 * source.rest, most);
    source.rests_until = now + source.rest;
    source.pace.handle_failure();
    fit_window(source);
    abandon_owned(source.id);
    schedule(*source.rests_until);
}

void Download::drop(SourceId source) {
    if (!banned_.insert(source).second) {
        return;
    }
    if (Source* found = sources_->find(source)) {
        cancel_all(*found);
    }
    actions_.push_back(DropSource{source});
    for (const ChunkIndex chunk : chunks_->active_chunks()) {
        const ActiveChunk* state = chunks_->active(chunk);
        if (state != nullptr && !state->ready()) {
            chunks_->forget_leaves(chunk, source);
            close_if_empty(chunk);
        }
    }
    if (sources_->find(source) != nullptr) {
        remove(source);
    }
}

void Download::remove(SourceId source) {
    Source& going = *sources_->find(source);
    while (!going.live.empty()) {
        const Request request = going.live.back();
        going.live.pop_back();
        going.owed -= request.owed();
        release(request);
    }
    abandon_owned(source);
    clear_holdings(going);
    sources_->remove(source);
    shared_out_at_.reset();
}

}  // namespace shoal::swarm
