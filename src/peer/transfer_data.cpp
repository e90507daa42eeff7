// The transfer's other half: bytes that arrive, and what they prove.
#include <algorithm>
#include <set>

#include "peer/transfer.hpp"

namespace shoal::peer {

using integrity::Digest;

namespace {
constexpr Duration write_again_every = 1s;
constexpr Duration fault_max = 5s;  // from its word on, a failing disk explains bad chunks
constexpr Duration word_max = 2s;   // for those who sent a bad chunk to say that it is stale
}  // namespace

void Transfer::handle_data(ServerLink& link, std::uint64_t token, LeafRun run, std::uint32_t offset,
                           std::span<const std::uint8_t> bytes, bool last, TimePoint now) {
    if (phase_ != Phase::running) {
        return;
    }
    stall_told_ = false;
    listener_.file_received(link.host, bytes.size());
    times_.handle_received(link.id, bytes.size(), now);
    if (const auto source = sources_.find(link.id); source != sources_.end()) {
        source->second.sent = true;
        if (!source->second.dropped) {
            source->second.last.clear();
        }
    }
    const LeafIndex first{run.first.value + offset / limits::leaf_size};
    const auto count =
        static_cast<std::uint32_t>((bytes.size() + limits::leaf_size - 1) / limits::leaf_size);

    // Stretches of wanted leaves are written with one call each.
    std::uint32_t stretch = 0;
    bool all_wanted = true;
    const auto write_stretch = [&](std::uint32_t end) {
        if (stretch < end) {
            const std::size_t from = std::size_t{stretch} * limits::leaf_size;
            const std::size_t to = std::min(std::size_t{end} * limits::leaf_size, bytes.size());
            write((first.value + stretch) * limits::leaf_size, bytes.subspan(from, to - from), now);
        }
        stretch = end + 1;
    };
    for (std::uint32_t i = 0; i < count; ++i) {
        const LeafIndex leaf{first.value + i};
        const swarm::Verdict verdict =
            download_->handle_leaf(link.id, swarm::AskId{token}, leaf, now);
        if (verdict != swarm::Verdict::wanted) {
            wiring_.figures.unwanted_data += limits::leaf_size;
            write_stretch(i);
            all_wanted = false;
        }
    }
    write_stretch(count);
    heard_at_ = steady_now();  // not `now`: a slow disk is no silence
    const LeafRun came{first, count};
    if (all_wanted && download_->in_crowd() && geometry_.is_of_whole_chunks(came)) {
        check_at_once(came, bytes, now);
    } else {
        check_chunks(came);
    }
    if (last) {
        wire_ids_.erase(token);
        times_.handle_answered(link.id, now);
        download_->handle_done(link.id, swarm::AskId{token}, now);
    }
}

void Transfer::handle_substituted(ServerLink& link, std::uint64_t token, LeafRun given) {
    if (phase_ == Phase::running) {
        download_->handle_substituted(link.id, swarm::AskId{token}, given);
    }
}

void Transfer::handle_refusal(ServerLink& link, std::uint64_t token, protocol::Status why,
                              TimePoint now) {
    if (wire_ids_.erase(token) > 0) {
        times_.handle_answered(link.id, now);
    }
    if (phase_ != Phase::running || link.phase() == ServerLink::Phase::dead) {
        return;  // handle_link_lost() takes care of a lost one
    }
    swarm::Refusal refusal = swarm::Refusal::gone;
    switch (why) {
        case protocol::Status::not_held:
            refusal = swarm::Refusal::not_held;
            break;
        case protocol::Status::busy:
            refusal = swarm::Refusal::busy;
            break;
        case protocol::Status::cancelled:
            refusal = swarm::Refusal::cancelled;
            break;
        case protocol::Status::io_error:  // its other chunks may be well; it may be the last holder
            refusal = swarm::Refusal::busy;
            break;
        default:
            break;
    }
    if (const auto source = sources_.find(link.id); source != sources_.end()) {
        source->second.last =
            why == protocol::Status::cancelled ? source->second.last : refusal_text(why);
    }
    if (const auto source = sources_.find(link.id);
        source != sources_.end() && why == protocol::Status::io_error) {
        if (!source->second.faulty_at) {
            listener_.file_note(order_.index, FetchNote::Kind::waiting, link.host,
                                "the disk of " + link.host + " has failed; it is asked again");
        }
        source->second.faulty_at = now;
    }
    const bool tell = refusal == swarm::Refusal::gone && why != protocol::Status::closing;
    download_->handle_refused(link.id, swarm::AskId{token}, refusal, now);
    if (tell) {
        give_up_on(link, Fault::cannot, refusal_text(why));
    }
}

// A full disk parks the transfer: what came is kept in memory (no more than was asked for)
// and written when there is room.
void Transfer::write(std::uint64_t offset, std::span<const std::uint8_t> bytes, TimePoint now) {
    if (phase_ != Phase::running) {
        return;
    }
    if (unwritten_.empty()) {
        const TimePoint began = steady_now();
        const Status written = partial_->write(offset, bytes);
        times_.add_writing(steady_now() - began);
        if (written) {
            return;
        }
        if (written.error().kind != ErrorKind::no_space) {
            return fail_here(written.error(), now);
        }
        download_->pause(true);
        write_again_at_ = now + write_again_every;
        wiring_.keeper.post(
            MakeRoom{std::uint64_t{geometry_.chunk_count() - partial_->held_count()} *
                     geometry_.chunk_size()});
        listener_.file_note(order_.index, FetchNote::Kind::parked, {},
                            "the disk is full; it goes on when there is room");
    }
    unwritten_.push_back({offset, {bytes.begin(), bytes.end()}});
}

void Transfer::write_again(TimePoint now) {
    while (!unwritten_.empty()) {
        const Unwritten& next = unwritten_.front();
        const Status written = partial_->write(next.offset, next.bytes);
        if (!written) {
            if (written.error().kind != ErrorKind::no_space) {
                return fail_here(written.error(), now);
            }
            write_again_at_ = now + write_again_every;
            return;
        }
        unwritten_.pop_front();
    }
    for (const ChunkIndex chunk : std::exchange(unlooked_, {})) {
        check_chunks({geometry_.first_leaf(chunk), 1});
    }
    download_->pause(false);
    begin_hearing(now);
    listener_.file_note(order_.index, FetchNote::Kind::unparked, {}, "there is room again");
}

// Those of the run that are whole now are hashed, unless some of their bytes are not written.
void Transfer::check_chunks(LeafRun run) {
    if (phase_ != Phase::running) {
        return;
    }
    const ChunkIndex last = geometry_.chunk_of({run.end().value - 1});
    for (ChunkIndex chunk = geometry_.chunk_of(run.first); chunk <= last; ++chunk) {
        if (!unwritten_.empty()) {
            unlooked_.insert(chunk);
        } else if (download_->ready(chunk) && checking_.insert(chunk).second) {
            wiring_.checks.add({order_.key, partial_, chunk, 1});
        }
    }
}

// Others wait for it: it is hashed while it lies in the cache.
void Transfer::check_at_once(LeafRun run, std::span<const std::uint8_t> bytes, TimePoint now) {
    if (phase_ != Phase::running || !unwritten_.empty()) {
        return check_chunks(run);
    }
    const TimePoint began = steady_now();
    std::vector<Digest> digests(run.count);
    integrity::hash_leaves(bytes, digests);
    times_.add_hashing(steady_now() - began);
    std::span<const Digest> leaves(digests);
    for (ChunkIndex chunk = geometry_.chunk_of(run.first); !leaves.empty(); ++chunk) {
        const std::uint32_t count = geometry_.leaves_in(chunk);
        if (download_->ready(chunk) && checking_.insert(chunk).second) {
            judge(chunk, leaves.first(count), now);
        }
        leaves = leaves.subspan(count);
    }
}

void Transfer::handle_checked(const Checked& checked, TimePoint now) {
    if (phase_ != Phase::running) {
        return;
    }
    if (!checked.leaves) {
        const Status in_place = partial_->check();
        return fail_here(in_place ? checked.leaves.error() : in_place.error(), now);
    }
    times_.add_hashing(checked.spent);
    std::span<const Digest> leaves(*checked.leaves);
    for (std::uint32_t i = 0; i < checked.check.count; ++i) {
        const ChunkIndex chunk{checked.check.first.value + i};
        const std::uint32_t count = geometry_.leaves_in(chunk);
        judge(chunk, leaves.first(count), now);
        leaves = leaves.subspan(count);
    }
}

void Transfer::judge(ChunkIndex chunk, std::span<const Digest> leaves, TimePoint now) {
    if (integrity::chunk_hash(leaves, geometry_) != partial_->chunk_hashes()[chunk.value]) {
        return doubt(chunk, {leaves.begin(), leaves.end()}, now);
    }
    checking_.erase(chunk);
    partial_->mark_verified(chunk);
    download_->handle_verified(chunk);
    disputes_.erase(chunk);
    verified_.push_back(chunk);
}

// A file that changes under its server is no lie: `changed` comes right behind the data. Whatever
// the senders answer to another question comes later than that, so it is asked before judging.
void Transfer::doubt(ChunkIndex chunk, std::vector<Digest> digests, TimePoint now) {
    Doubt& doubt = doubts_[chunk];
    doubt.digests = std::move(digests);
    doubt.until = now + word_max;
    const std::vector<SourceId> senders = download_->senders(chunk);
    for (const SourceId sender : std::set<SourceId>(senders.begin(), senders.end())) {
        ServerLink* link = servers_.find(sender);
        if (link == nullptr || link->phase() == ServerLink::Phase::dead) {
            continue;
        }
        protocol::clientMessage question;
        question.type = static_cast<std::uint16_t>(protocol::ClientType::status);
        ++doubt.open;
        link->ask(question, this,
                  [this, chunk](ServerLink&, const Reply&, TimePoint) { handle_word(chunk); });
    }
    if (doubt.open == 0) {
        end_doubt(chunk);
    }
}

void Transfer::handle_word(ChunkIndex chunk) {
    const auto found = doubts_.find(chunk);
    if (found != doubts_.end() && --found->second.open == 0) {
        end_doubt(chunk);
    }
}

// One who sent some of it has said that its disk failed: then it sends whatever it has.
bool Transfer::is_stale(ChunkIndex chunk, TimePoint judged) const {
    const std::vector<SourceId> senders = download_->senders(chunk);
    return std::any_of(senders.begin(), senders.end(), [&](SourceId sender) {
        const auto source = sources_.find(sender);
        return source != sources_.end() && source->second.faulty_at &&
               *source->second.faulty_at + fault_max >= judged;
    });
}

void Transfer::end_doubt(ChunkIndex chunk) {
    auto doubt = doubts_.extract(chunk);
    checking_.erase(chunk);
    if (is_stale(chunk, doubt.mapped().until - word_max)) {
        return download_->handle_stale(chunk);
    }
    handle_bad_chunk(chunk, std::move(doubt.mapped().digests));
}

void Transfer::end_late_doubts(TimePoint now) {
    for (auto doubt = doubts_.begin(); doubt != doubts_.end();) {
        const auto& [chunk, what] = *doubt++;
        if (what.until <= now) {
            end_doubt(chunk);
        }
    }
}

// With one sender the Download drops it. With several, leaf hashes from anyone tell who it
// was: they prove themselves by the chunk's hash.
void Transfer::handle_bad_chunk(ChunkIndex chunk, std::vector<Digest> digests) {
    Dispute dispute{std::move(digests), download_->senders(chunk)};
    if (download_->handle_bad(chunk).size() < 2) {
        return;
    }
    disputes_[chunk] = std::move(dispute);
    for (auto& [id, source] : sources_) {
        ServerLink* link = servers_.usable(id);
        if (link == nullptr || source.dropped) {
            continue;
        }
        protocol::clientMessage question;
        question.type = static_cast<std::uint16_t>(protocol::ClientType::leaf_hashes);
        question.fileSize = order_.id.size;
        question.digest = order_.id.root;
        question.first = chunk.value;
        link->ask(question, this, [this, chunk](ServerLink& from, const Reply& reply, TimePoint) {
            settle_dispute(chunk, from, reply);
        });
    }
}

void Transfer::settle_dispute(ChunkIndex chunk, ServerLink&, const Reply& reply) {
    const auto found = disputes_.find(chunk);
    if (found == disputes_.end() || !reply.is(protocol::ServerType::leaf_hashes) || !download_) {
        return;
    }
    const std::vector<Digest> truth = protocol::unpack_digests(reply.payload);
    const Dispute& dispute = found->second;
    if (truth.size() != dispute.digests.size() || truth.size() != dispute.senders.size() ||
        integrity::chunk_hash(truth, geometry_) != hashes_[chunk.value]) {
        return;  // proves nothing; another answer may
    }
    std::set<SourceId> liars;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (truth[i] != dispute.digests[i]) {
            liars.insert(dispute.senders[i]);
        }
    }
    for (const SourceId liar : liars) {
        download_->handle_liar(liar);
    }
    disputes_.erase(found);
}

}  // namespace shoal::peer
