// The transfer's first step: the hashes of all chunks, from one source, proven against the root.
#include <algorithm>

#include "peer/transfer.hpp"

namespace shoal::peer {

using integrity::Digest;
using protocol::ClientType;
using protocol::ServerType;

void Transfer::look_for_hashes(TimePoint now) {
    if (hashes_from_ && now - hashes_asked_at_ < hashes_patience) {
        return;
    }
    const std::optional<SourceId> slow = std::exchange(hashes_from_, std::nullopt);
    ServerLink* chosen = nullptr;
    for (auto& [id, source] : sources_) {
        ServerLink* link = servers_.usable(id);
        if (link == nullptr || source.dropped || !source.holds || source.holds->count() == 0) {
            continue;
        }
        const bool faster = chosen == nullptr || chosen->id == slow ||
                            (id != slow && link->round_trip() < chosen->round_trip());
        chosen = faster ? link : chosen;
    }
    if (chosen != nullptr) {
        ask_hashes(*chosen, now);
    }
}

void Transfer::ask_hashes(ServerLink& link, TimePoint now) {
    const std::uint32_t chunks = geometry_.chunk_count();
    hashes_.assign(chunks, Digest{});
    hashes_missing_ = chunks;
    hashes_from_ = link.id;
    hashes_asked_at_ = now;
    for (std::uint32_t first = 0; first < chunks; first += limits::hashes_per_reply_max) {
        protocol::clientMessage question;
        question.type = static_cast<std::uint16_t>(ClientType::chunk_hashes);
        question.fileSize = order_.id.size;
        question.digest = order_.id.root;
        question.first = first;
        question.count = std::min(limits::hashes_per_reply_max, chunks - first);
        link.ask(question, this, [this](ServerLink& from, const Reply& reply, TimePoint when) {
            handle_hashes(from, reply, when);
        });
    }
}

void Transfer::handle_hashes(ServerLink& link, const Reply& reply, TimePoint now) {
    if (phase_ != Phase::find_hashes || hashes_from_ != link.id || reply.lost()) {
        return;
    }
    if (!reply.is(ServerType::chunk_hashes)) {
        return give_up_on(link, Fault::cannot, "it does not have the chunk hashes");
    }
    const std::vector<Digest> page = protocol::unpack_digests(reply.payload);
    const std::uint64_t first = reply.message->first;
    if (first >= hashes_.size() || page.size() > hashes_.size() - first ||
        page.size() > hashes_missing_) {
        return give_up_on(link, Fault::lied, "its chunk hashes make no sense");
    }
    std::copy(page.begin(), page.end(), hashes_.begin() + static_cast<std::ptrdiff_t>(first));
    hashes_missing_ -= static_cast<std::uint32_t>(page.size());
    hashes_asked_at_ = now;  // patience is for the next page
    if (hashes_missing_ == 0) {
        finish_hashes(link);
    }
}

void Transfer::finish_hashes(ServerLink& link) {
    if (integrity::file_root(hashes_, geometry_) != order_.id.root) {
        return give_up_on(link, Fault::lied, "its chunk hashes do not lead to the root");
    }
    hashes_from_.reset();
    phase_ = Phase::opening;
    wiring_.keeper.post(
        OpenPartial{order_.key, order_.name, order_.id, hashes_, order_.rename_on_clash});
}

}  // namespace shoal::peer
