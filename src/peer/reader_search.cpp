// The reader's part in searches: they arrive here and their answers leave here; what they mean
// is the requester's matter.
#include <algorithm>

#include "peer/reader.hpp"

namespace shoal::peer {

void Reader::handle_search(ClientLink& link, const protocol::clientMessage& message,
                           TimePoint now) {
    if (link.searches.size() >= limits::searches_open_max ||
        !search_gate_.admit(net::block_of(link.address), now)) {
        ++wiring_.figures.searches_refused;
        link.answer(message.id, protocol::Status::busy, "too many searches");
        return;
    }
    link.searches.insert(message.id);
    wiring_.requester.post(SearchArrived{{link.key.value}, message});
}

// A client that does not take what it gets loses results rather than its connection.
void Reader::send_hits(const SendHits& mail) {
    ClientLink* link = attend({mail.asker.value});
    if (link != nullptr && link->phase == ClientLink::Phase::ready && link->wants_to_read()) {
        link->send(mail.hits->message, mail.hits->payload);
    }
}

void Reader::send_done(const SendDone& mail) {
    ClientLink* link = attend({mail.asker.value});
    if (link == nullptr || link->searches.erase(mail.request) == 0) {
        return;
    }
    if (mail.status != protocol::Status::ok) {
        link->answer(mail.request, mail.status, mail.why);
        return;
    }
    const overlay::Counts& counts = mail.counts;
    protocol::SearchCounts said{counts.messages, counts.bytes, counts.duplicates, 0,
                                counts.lost,     counts.late,  counts.refused,    counts.cut,
                                counts.unsure};
    said.hosts = static_cast<std::uint32_t>(std::min<std::uint64_t>(counts.hosts, UINT32_MAX));
    link->send(protocol::encode_search_done(mail.request, said));
}

void Reader::end_searches(ClientLink& link) {
    for (const std::uint64_t id : std::exchange(link.searches, {})) {
        link.answer(id, protocol::Status::closing, "this host is closing");
    }
}

void Reader::note_rate(std::uint64_t moved, TimePoint now) {
    if (rate_bytes_ == 0) {
        rate_since_ = now;
    }
    rate_bytes_ += moved;
    const double seconds = std::chrono::duration<double>(now - rate_since_).count();
    if (seconds >= 1) {
        const auto rate = static_cast<std::uint64_t>(static_cast<double>(rate_bytes_) / seconds);
        wiring_.figures.best_upload = std::max(wiring_.figures.best_upload.load(), rate);
        rate_bytes_ = 0;
    }
}

}  // namespace shoal::peer
