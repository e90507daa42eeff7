// What the peers of SwarmSim do: the client's and the server's shell, without sockets.
#include <algorithm>
#include <utility>

#include "swarm_sim.hpp"

namespace shoal::sim {

using namespace swarm;

namespace {

constexpr std::size_t requests_per_client_max = 1024;

}  // namespace

// The client side -----------------------------------------------------------------------------

void SwarmSim::drive(std::size_t client) {
    Peer& peer = peers_[client];
    if (spec_.check_period > 0 && peer.inputs++ % spec_.check_period == 0) {
        peer.download->check_invariants();
    }
    while (const auto action = peer.download->poll(now_)) {
        act(client, *action);
    }
    arm(client, &Peer::timer, peer.download->next_timeout(), now_ + 1ms, &SwarmSim::drive);
}

void SwarmSim::act(std::size_t client, const Action& action) {
    if (const auto* ask = std::get_if<Ask>(&action)) {
        send_message(
            client, ask->source.value, Side::client, request_bytes,
            [this, client, asked = *ask] { receive_request(asked.source.value, client, asked); });
    } else if (const auto* cancel = std::get_if<CancelAsk>(&action)) {
        const std::size_t server = cancel->source.value;
        send_message(
            client, server, Side::client, request_bytes,
            [this, client, server, id = cancel->ask.value] { receive_cancel(server, client, id); });
    } else {
        peers_[client].outcome.dropped.insert(std::get<DropSource>(action).source.value);
    }
}

void SwarmSim::receive(std::size_t client, std::size_t server, LeafRun part, std::uint64_t request,
                       bool whole) {
    Peer& peer = peers_[client];
    const SourceId source{static_cast<std::uint32_t>(server)};
    const double lies = peers_[server].spec.lies;
    for (LeafIndex leaf = part.first; leaf < part.end(); ++leaf) {
        if (peer.download->handle_leaf(source, {request}, leaf, now_) != Verdict::wanted) {
            continue;
        }
        peer.bad_leaf[leaf.value] = random_.below(1000000) < static_cast<std::uint64_t>(lies * 1e6);
        judge(client, shape_.chunk_of(leaf));
    }
    if (whole) {
        peer.download->handle_done(source, {request}, now_);
    }
    drive(client);
}

void SwarmSim::judge(std::size_t client, ChunkIndex chunk) {
    Peer& peer = peers_[client];
    if (!peer.download->ready(chunk)) {
        return;
    }
    const auto first =
        peer.bad_leaf.begin() + static_cast<std::ptrdiff_t>(shape_.first_leaf(chunk).value);
    if (std::find(first, first + shape_.leaves_in(chunk), true) !=
        first + shape_.leaves_in(chunk)) {
        settle(client, chunk);
        return;
    }
    peer.download->handle_verified(chunk);
    announce(client, chunk);
    if (peer.download->complete()) {
        peer.finished_at = now_;
        --unfinished_;
        for (const std::size_t other : friends_[client]) {
            peers_[other].news.forget({client});
        }
    }
}

// A chunk is bad; if several sent it, leaf hashes may tell who lied, a round trip later.
void SwarmSim::settle(std::size_t client, ChunkIndex chunk) {
    Peer& peer = peers_[client];
    std::set<SourceId> liars;
    const std::vector<SourceId> senders = peer.download->senders(chunk);
    for (std::size_t index = 0; index < senders.size(); ++index) {
        if (peer.bad_leaf[shape_.first_leaf(chunk).value + index]) {
            liars.insert(senders[index]);
        }
    }
    if (peer.download->handle_bad(chunk).size() > 1 && spec_.leaf_hashes) {
        on(client, now_ + 5ms, [this, client, liars] {
            for (const SourceId liar : liars) {
                peers_[client].download->handle_liar(liar);
            }
            drive(client);
        });
    }
}

void SwarmSim::announce(std::size_t index, ChunkIndex chunk) {
    peers_[index].news.handle_have({chunk, 1});
    push_news(index);
}

void SwarmSim::push_news(std::size_t index) {
    Peer& peer = peers_[index];
    const Bitmap& held = peer.download->held();
    for (const Announcer::Notice& notice :
         peer.news.poll(Announcer::ends(held.count(), held.size()), now_)) {
        tell(index, notice, have_bytes);
    }
    arm(index, &Peer::news_timer, peer.news.next_timeout(), now_, &SwarmSim::push_news);
}

void SwarmSim::tell(std::size_t index, const Announcer::Notice& notice, double bytes) {
    const std::size_t other = notice.to.client.value;
    bytes += 4.0 * static_cast<double>(notice.chunks.size() - 1);
    send_message(index, other, Side::server, bytes, [this, index, other, news = notice.chunks] {
        const SourceId source{static_cast<std::uint32_t>(index)};
        for (const ChunkSpan& chunks : news) {
            peers_[other].download->handle_have(source, chunks.first, chunks.count);
        }
        drive(other);
    });
}

// The server side -----------------------------------------------------------------------------

void SwarmSim::receive_request(std::size_t server, std::size_t client, const Ask& ask) {
    Peer& peer = peers_[server];
    const auto refuse = [&](Refusal why) {
        send_message(server, client, Side::server, have_bytes, [this, client, ask, why] {
            peers_[client].download->handle_refused(ask.source, ask.ask, why, now_);
            drive(client);
        });
    };
    const std::uint32_t last = shape_.chunk_of({ask.run.end().value - 1}).value;
    for (ChunkIndex chunk = shape_.chunk_of(ask.run.first); chunk.value <= last; ++chunk) {
        if (!holds(server, chunk)) {
            refuse(Refusal::not_held);
            return;
        }
    }
    if (!peer.queue.push({{client}, {ask.ask.value}, ask.run, ask.substitute},
                         requests_per_client_max, now_)) {
        refuse(Refusal::busy);
        return;
    }
    serve(server);
}

void SwarmSim::receive_cancel(std::size_t server, std::size_t client, std::uint64_t request) {
    if (peers_[server].queue.cancel({client}, {request})) {
        send_message(server, client, Side::server, have_bytes, [this, server, client, request] {
            peers_[client].download->handle_refused({static_cast<std::uint32_t>(server)}, {request},
                                                    Refusal::cancelled, now_);
            drive(client);
        });
    }
}

// Begins what the queue says, as long as it says something.
void SwarmSim::serve(std::size_t server) {
    Peer& peer = peers_[server];
    if (!peer.alive || now_ < peer.stopped_until) {
        return;
    }
    while (const auto item = peer.queue.next(now_)) {
        begin(server, *item);
    }
    arm(server, &Peer::queue_timer, peer.queue.next_timeout(now_), now_ + 1ms, &SwarmSim::serve);
}

void SwarmSim::begin(std::size_t server, const UploadQueue::Item& item) {
    Peer& peer = peers_[server];
    const std::size_t client = item.client.value;
    LeafRun run = item.run;
    if (peer.copies && item.substitute) {
        run = peer.copies->substitute(
            run, [&](LeafRun other) { return peer.queue.waits_for(item.client, other); });
    } else if (peer.copies) {
        peer.copies->handle_sent(run);
    }
    for (const Announcer::Notice& notice : peer.news.take(item.client, now_)) {
        tell(server, notice, have_along_bytes);
    }
    const std::uint64_t request = item.request.value;
    if (run != item.run) {
        send(server, client, Side::server, {0, true, [this, client, server, request, run] {
                                                peers_[client].download->handle_substituted(
                                                    {static_cast<std::uint32_t>(server)}, {request},
                                                    run);
                                            }});
    }
    for (LeafIndex leaf = run.first; leaf < run.end(); ++leaf) {
        const bool whole = leaf.value + 1 == run.end().value;
        const LeafRun part{leaf, 1};
        peer.outcome.first_copies += peer.sent[leaf.value] ? 0 : 1;
        peer.sent[leaf.value] = true;
        ++peer.outcome.sent_leaves;
        send(server, client, Side::server,
             {leaf_wire_bytes, true, [=, this] { receive(client, server, part, request, whole); }});
    }
}

}  // namespace shoal::sim
