// The reader's output: which run is begun next, and who moves how much.
#include <sys/socket.h>

#include <algorithm>

#include "peer/reader.hpp"
#include "shoal/base/random.hpp"

namespace shoal::peer {

namespace {

// What the kernel holds of a connection and has not sent yet: news stands behind it, so it is
// little where many are served.
constexpr std::uint32_t unsent_max = 128 * limits::KiB;
constexpr std::uint32_t unsent_in_crowd = 32 * limits::KiB;
constexpr std::size_t crowd_min = 3;

protocol::Status why_not(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::changed:
            return protocol::Status::changed;
        case ErrorKind::forbidden:
            return protocol::Status::unreadable;
        case ErrorKind::not_found:
            return protocol::Status::not_found;
        case ErrorKind::busy:
            return protocol::Status::busy;
        default:
            return protocol::Status::io_error;
    }
}

}  // namespace

// Below a leaf it is not worth a turn.
bool Reader::may_upload(TimePoint now) {
    return upload_limit_.wait_for(limits::leaf_size, now) == Duration::zero();
}

void Reader::begin_runs(TimePoint now) {
    may_begin_ = false;
    if (queue_.waiting() == 0) {
        return;
    }
    while (may_upload(now)) {
        const auto item = queue_.next(now);
        if (!item) {
            return;
        }
        ClientLink& link = *attend(item->client);
        begin(link, *item, now);
        if (link.can_begin()) {
            queue_.set_writable(item->client, true);
        }
    }
}

void Reader::begin(ClientLink& link, const swarm::UploadQueue::Item& item, TimePoint now) {
    const auto request = link.requests.extract(item.request.value);
    const integrity::FileId id = request.mapped();
    const Result<std::shared_ptr<OpenFile>> file = files_.get(id, now);
    if (!file) {
        link.answer(item.request.value, why_not(file.error().kind), "that content cannot be read");
        return;
    }
    const LeafRun run = choose_run(item, id, **file);
    if (!(*file)->holds(run)) {
        link.answer(item.request.value, protocol::Status::not_held, "not here yet");
        return;
    }
    const integrity::Geometry geometry(id.size);
    protocol::serverMessage head;
    head.type = static_cast<std::uint16_t>(protocol::ServerType::data);
    head.id = item.request.value;
    head.fileSize = id.size;
    head.digest = id.root;
    head.first = run.first.value;
    head.count = run.count;
    const std::uint32_t length = geometry.run_length(run);
    wiring_.figures.bytes_sent += length;
    wiring_.figures.sent_to.with([&](TrafficByHost& to) {
        Traffic& traffic = to[key_of(link)];
        if (traffic.host.empty()) {
            traffic.host = link.address.to_string();
        }
        traffic.bytes += length;
        traffic.meter.add(length, now);
    });
    tell_along(link, id, now);
    link.limit_unsent(queue_.served(now) > crowd_min ? unsent_in_crowd : unsent_max);
    link.send_run(item.request.value, head, *file, integrity::Geometry::run_offset(run), length);
}

// Of a file that is complete here and that several fetch, chunks are sent once before any is sent
// twice, as far as the clients agree.
LeafRun Reader::choose_run(const swarm::UploadQueue::Item& item, const integrity::FileId& id,
                           const OpenFile& file) {
    const auto found = watched_.find(id);
    if (file.partial() || found == watched_.end() || found->second.news.count() < 2) {
        return item.run;
    }
    const integrity::Geometry geometry(id.size);
    std::optional<swarm::FirstCopies>& copies = found->second.copies;
    if (!copies) {
        const swarm::Shape shape{geometry.leaf_count(), geometry.leaves_per_chunk()};
        copies.emplace(shape, random_seed());
    }
    if (!item.substitute) {
        copies->handle_sent(item.run);
        return item.run;
    }
    return copies->substitute(item.run,
                              [&](LeafRun other) { return queue_.waits_for(item.client, other); });
}

// Everybody who has something waiting moves up to one quantum; who begins changes from turn
// to turn, so that under a rate limit all get their share.
void Reader::send_all(TimePoint now) {
    std::vector<ClientLink*> senders;
    for (const auto& [key, link] : busy_) {
        if (link->wants_to_send()) {
            senders.push_back(link);
        }
    }
    if (senders.empty()) {
        return;
    }
    std::rotate(senders.begin(),
                senders.begin() + static_cast<std::ptrdiff_t>(turn_++ % senders.size()),
                senders.end());
    for (ClientLink* link : senders) {
        std::uint64_t quantum = limits::send_quantum;
        if (!upload_limit_.unlimited() && link->uploading()) {
            if (!may_upload(now)) {
                continue;
            }
            const std::uint64_t allowed = upload_limit_.available(now);
            quantum = std::min({quantum, allowed, std::uint64_t{limits::chunk_size_min}});
        }
        std::uint64_t moved = 0;
        const bool alive = link->flush(quantum, moved);
        upload_limit_.spend(moved);
        note_rate(link->uploading() ? moved : 0, now);
        if (!alive || link->overfull()) {
            remove(link->key);
        } else if (link->can_begin()) {
            queue_.set_writable(link->key, true);
            may_begin_ = queue_.waiting() > 0;
        } else if (link->phase == ClientLink::Phase::lingering && !link->wants_to_send()) {
            ::shutdown(link->fd(), SHUT_WR);
        }
    }
}

}  // namespace shoal::peer
