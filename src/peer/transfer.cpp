#include "peer/transfer.hpp"

#include <algorithm>

#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

using protocol::ServerType;

namespace {
constexpr int endings_max = 16;  // then a server is not subscribed to again
constexpr std::size_t lost_max = 64;
}  // namespace

Transfer::Transfer(Wiring& wiring, Servers& servers, TransferOrder order, FileListener& listener)
    : wiring_(wiring),
      servers_(servers),
      order_(std::move(order)),
      listener_(listener),
      geometry_(order_.id.size) {}

Transfer::~Transfer() { servers_.forget(this); }

void Transfer::start(TimePoint now) {
    for (ServerLink* link : servers_.usable()) {
        handle_link(*link, now);
    }
}

// Everybody is subscribed to: who has nothing today may have chunks in a moment.
void Transfer::handle_link(ServerLink& link, TimePoint) {
    if (phase_ == Phase::finishing || phase_ == Phase::over) {
        return;
    }
    const std::uint64_t subscription = link.subscribe(
        order_.id, this,
        [this](ServerLink& from, const Reply& reply, TimePoint when) {
            handle_holding(from, reply, when);
        },
        [this](ServerLink& from, ChunkIndex first, std::uint32_t count, TimePoint when) {
            count > 0 ? handle_growth(from, first, count) : handle_ended(from, when);
        });
    lost_.erase(link.host);
    Source& source = sources_[link.id];
    source.subscription = subscription;
    source.holds = Bitmap(geometry_.chunk_count());
    source.answered = false;
}

void Transfer::handle_link_closing(ServerLink& link) {
    if (download_) {
        download_->handle_closing(link.id);
    }
}

void Transfer::handle_link_lost(ServerLink& link, TimePoint now) {
    const auto found = sources_.find(link.id);
    if (found == sources_.end()) {
        return;
    }
    if (found->second.sent && !found->second.dropped) {
        listener_.file_note(order_.index, FetchNote::Kind::source_lost, link.host,
                            link.host + " is gone (" + link.why_dead() + ")");
    }
    const bool useful = found->second.sent || (download_ && download_->claims(link.id) > 0);
    if (useful && lost_.size() < lost_max) {
        lost_[link.host] = link.why_dead();
    }
    sources_.erase(found);
    if (download_) {
        download_->handle_source_gone(link.id, now);
    }
    if (hashes_from_ == link.id) {
        hashes_from_.reset();
    }
}

void Transfer::handle_holding(ServerLink& link, const Reply& reply, TimePoint now) {
    const auto found = sources_.find(link.id);
    if (found == sources_.end() || found->second.dropped) {
        return;
    }
    found->second.answered = true;
    if (!reply.is(ServerType::holding)) {
        return;
    }
    std::optional<Bitmap> holds = held_chunks(reply, geometry_.chunk_count());
    if (!holds) {
        return give_up_on(link, Fault::lied, "its list of chunks makes no sense");
    }
    if (!download_) {
        found->second.holds = std::move(holds);
        return;
    }
    download_->handle_source(link.id, now);
    if (holds->all()) {
        download_->handle_holds_all(link.id);
    } else {
        download_->handle_holds(link.id, *holds);
    }
    if (parked_ && download_->has_useful_source()) {
        listener_.file_note(order_.index, FetchNote::Kind::source_joined, link.host,
                            link.host + " has it");
    }
}

void Transfer::handle_growth(ServerLink& link, ChunkIndex first, std::uint32_t count) {
    const auto found = sources_.find(link.id);
    const std::uint32_t chunks = geometry_.chunk_count();
    if (found == sources_.end() || first.value >= chunks || count > chunks - first.value) {
        return;
    }
    if (download_) {
        return download_->handle_have(link.id, first, count);
    }
    if (std::optional<Bitmap>& holds = found->second.holds) {
        const std::size_t end = std::size_t{first.value} + count;
        for (std::size_t chunk = holds->next_clear(first.value); chunk < end;
             chunk = holds->next_clear(chunk + 1)) {
            holds->set(chunk);
        }
    }
}

// The content is gone there. It may come back: the server is asked to tell, a bounded number of
// times.
void Transfer::handle_ended(ServerLink& link, TimePoint now) {
    const auto found = sources_.find(link.id);
    if (found == sources_.end() || found->second.dropped) {
        return;
    }
    if (download_) {
        download_->handle_source_gone(link.id, now);
    }
    if (++found->second.endings <= endings_max) {
        handle_link(link, now);
    }
}

// Opening and finishing ------------------------------------------------------------------------

void Transfer::give_up_on(ServerLink& link, Fault fault, const std::string& why) {
    const auto found = sources_.find(link.id);
    if (found == sources_.end() || found->second.dropped) {
        return;
    }
    found->second.dropped = true;
    found->second.last = why;
    if (hashes_from_ == link.id) {
        hashes_from_.reset();
    }
    listener_.file_note(
        order_.index,
        fault == Fault::lied ? FetchNote::Kind::bad_source : FetchNote::Kind::source_lost,
        link.host, link.host + " is not used for this file: " + why);
}

void Transfer::handle_proving(const PartialProving& proving) {
    if (disk_at_work()) {
        listener_.file_note(order_.index, FetchNote::Kind::waiting, {},
                            "what is here of '" + text::escape(order_.name.text()) +
                                "' is being checked: " +
                                std::to_string(static_cast<int>(proving.done * 100)) + " %");
    }
}

void Transfer::handle_opened(PartialOpened opened, TimePoint now) {
    if (phase_ != Phase::opening) {
        if (opened.partial) {  // stopped meanwhile
            wiring_.keeper.post(ClosePartial{order_.key, *opened.partial});
        }
        return;
    }
    if (!opened.partial) {
        return fail_here(opened.partial.error(), now);
    }
    partial_ = *opened.partial;
    phase_ = Phase::running;
    begin_hearing(now);
    swarm::Download::Config config;
    config.seed = random_seed();
    download_.emplace(swarm::Shape{geometry_.leaf_count(), geometry_.leaves_per_chunk()},
                      partial_->held(), config);
    download_->set_rate_limit(wiring_.figures.max_download);
    const store::Resumed& resumed = partial_->resumed();
    listener_.file_opened(order_.index, resumed.held_bytes, resumed.rechecked_bytes);
    for (auto& [id, source] : sources_) {
        if (source.dropped || !source.holds) {
            continue;
        }
        download_->handle_source(id, now);
        if (source.holds->all()) {
            download_->handle_holds_all(id);
        } else {
            download_->handle_holds(id, *source.holds);
        }
        source.holds.reset();
    }
    drive(now);
}

void Transfer::handle_saved(const FileSaved& saved, TimePoint now) {
    if (phase_ != Phase::finishing) {
        return;
    }
    if (!saved.status) {
        return fail_here(saved.status.error(), now);
    }
    phase_ = Phase::over;
    listener_.file_done(order_.index, {Outcome::done, saved.saved_as, {}}, now);
}

// The disk, or who else is at it, is the reason.
void Transfer::fail_here(const Error& error, TimePoint now) {
    const Outcome outcome = error.kind == ErrorKind::no_space ? Outcome::disk_full
                            : error.kind == ErrorKind::exists ? Outcome::exists
                                                              : Outcome::failed;
    fail(outcome, error.message, now, error.kind == ErrorKind::changed);
}

void Transfer::fail(Outcome outcome, const std::string& text, TimePoint now, bool meddled) {
    stop();
    listener_.file_done(order_.index, {outcome, {}, text, meddled}, now);
}

void Transfer::stop() {
    if (phase_ == Phase::opening || phase_ == Phase::running || phase_ == Phase::finishing) {
        wiring_.keeper.post(ClosePartial{order_.key, partial_});
    }
    phase_ = Phase::over;
    for (auto& [id, source] : sources_) {
        if (ServerLink* link = servers_.usable(id)) {
            link->unsubscribe(source.subscription);
        }
    }
    servers_.forget(this);
    sources_.clear();
    partial_.reset();
}

// Running --------------------------------------------------------------------------------------

void Transfer::drive(TimePoint now) {
    if (phase_ == Phase::find_hashes) {
        look_for_hashes(now);
        look_parked(now);
        return;
    }
    if (phase_ != Phase::running) {
        return;
    }
    if (!unwritten_.empty() && now >= write_again_at_) {
        write_again(now);
    }
    end_late_doubts(now);
    while (const auto action = download_->poll(now)) {
        carry_out(*action, now);
    }
    announce(now);
    look_parked(now);
    look_stalled(now);
    if (download_->complete() && unwritten_.empty()) {
        phase_ = Phase::finishing;
        for (auto& [id, source] : sources_) {
            if (ServerLink* link = servers_.usable(id)) {
                link->unsubscribe(source.subscription);
            }
        }
        wiring_.keeper.post(FinishPartial{order_.key, partial_, order_.rename_on_clash,
                                          order_.mtime, order_.cached});
    }
}

void Transfer::carry_out(const swarm::Action& action, TimePoint now) {
    if (const auto* ask = std::get_if<swarm::Ask>(&action)) {
        if (ServerLink* link = servers_.find(ask->source)) {
            wire_ids_[ask->ask.value] =
                link->request(order_.id, ask->run, ask->substitute, *this, ask->ask.value);
            times_.handle_asked(ask->source, link->host, now);
        }
    } else if (const auto* cancel = std::get_if<swarm::CancelAsk>(&action)) {
        ServerLink* link = servers_.find(cancel->source);
        const auto wire = wire_ids_.find(cancel->ask.value);
        if (link != nullptr && wire != wire_ids_.end()) {
            link->cancel(wire->second);
        }
    } else if (ServerLink* link = servers_.find(std::get<swarm::DropSource>(action).source)) {
        give_up_on(*link, Fault::lied, "it sent bytes that do not verify");
    }
}

// Tells the own server's subscribers what can be had here now, runs of chunks at a time.
void Transfer::announce(TimePoint now) {
    if (verified_.empty()) {
        return;
    }
    std::sort(verified_.begin(), verified_.end());
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < verified_.size();) {
        std::size_t end = i + 1;
        while (end < verified_.size() && verified_[end].value == verified_[end - 1].value + 1) {
            ++end;
        }
        wiring_.reader.post(Have{order_.id, verified_[i], static_cast<std::uint32_t>(end - i)});
        i = end;
    }
    for (const ChunkIndex chunk : verified_) {
        bytes += geometry_.chunk_length(chunk);
    }
    verified_.clear();
    listener_.file_verified(order_.index, bytes, now);
}

void Transfer::look_parked(TimePoint now) {
    const bool known = download_ && (download_->complete() || download_->has_useful_source());
    const bool useful = known || std::any_of(sources_.begin(), sources_.end(), [](const auto& e) {
                            const Source& source = e.second;
                            const bool has = source.holds && source.holds->count() > 0;
                            return !source.answered || (has && !source.dropped);
                        });
    if (parked_ == useful) {
        parked_ = !useful;
        begin_hearing(now);
        listener_.file_note(
            order_.index, parked_ ? FetchNote::Kind::parked : FetchNote::Kind::unparked, {},
            parked_ ? "no connected host has what is missing; it goes on when one comes back"
                    : "it goes on");
    }
}

std::uint32_t Transfer::sending_hosts() const {
    std::uint32_t hosts = 0;
    for (const auto& [id, source] : sources_) {
        hosts += download_ && download_->outstanding(id) > 0 ? 1U : 0U;
    }
    return hosts;
}

void Transfer::set_rate_limit(std::uint64_t bytes_per_second) {
    if (download_) {
        download_->set_rate_limit(bytes_per_second);
    }
}

void Transfer::read_from(std::span<const std::uint64_t> offsets) {
    if (!download_) {
        return;
    }
    std::vector<ChunkIndex> chunks;
    for (const std::uint64_t offset : offsets) {
        chunks.push_back({static_cast<std::uint32_t>(offset / geometry_.chunk_size())});
    }
    download_->set_readers(std::move(chunks));
}

std::optional<TimePoint> Transfer::next_timeout() const {
    std::optional<TimePoint> next;
    if (phase_ == Phase::find_hashes && hashes_from_) {
        next = hashes_asked_at_ + hashes_patience;
    }
    if (phase_ == Phase::running) {
        next = download_->next_timeout();
        for (const auto& [chunk, doubt] : doubts_) {
            sooner(next, doubt.until);
        }
        if (!unwritten_.empty()) {
            sooner(next, write_again_at_);
        }
        sooner(next, stalls_at());
    }
    return next;
}

}  // namespace shoal::peer
