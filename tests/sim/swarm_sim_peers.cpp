// What the peers of SwarmSim do: the client's and the server's shell, without sockets.
#include <algorithm>
#include <utility>

#include "swarm_sim.hpp"

namespace shoal::sim {

using namespace swarm;

namespace {

constexpr std::uint32_t quantum_leaves = 4;
constexpr double leaf_bytes = 16 * 1024;
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
    const auto wanted = peer.download->next_timeout();
    if (wanted && (!peer.timer || *wanted < *peer.timer)) {
        peer.timer = wanted;
        on(client, std::max(*wanted, now_ + 1ms), [this, client, due = *wanted] {
            if (peers_[client].timer == due) {
                peers_[client].timer.reset();
            }
            drive(client);
        });
    }
}

void SwarmSim::act(std::size_t client, const Action& action) {
    if (const auto* ask = std::get_if<Ask>(&action)) {
        deliver(client, ask->source.value, [this, client, asked = *ask] {
            receive_request(asked.source.value, client, asked);
        });
    } else if (const auto* cancel = std::get_if<CancelAsk>(&action)) {
        deliver(client, cancel->source.value,
                [this, client, server = std::size_t{cancel->source.value}, id = cancel->ask.value] {
                    receive_cancel(server, client, id);
                });
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

void SwarmSim::announce(std::size_t peer, ChunkIndex chunk) {
    for (const std::size_t other : friends_[peer]) {
        if (!up(peer, other) || peers_[other].download->complete()) {
            continue;
        }
        deliver(peer, other, [this, peer, other, chunk] {
            peers_[other].download->handle_have({static_cast<std::uint32_t>(peer)}, chunk, 1);
            drive(other);
        });
    }
}

// The server side -----------------------------------------------------------------------------

void SwarmSim::receive_request(std::size_t server, std::size_t client, const Ask& ask) {
    Peer& peer = peers_[server];
    const auto refuse = [&](Refusal why) {
        deliver(server, client, [this, client, ask, why] {
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
    if (!peer.queue.push({{client}, {ask.ask.value}, ask.run}, requests_per_client_max)) {
        refuse(Refusal::busy);
        return;
    }
    serve(server);
}

void SwarmSim::receive_cancel(std::size_t server, std::size_t client, std::uint64_t request) {
    if (peers_[server].queue.cancel({client}, {request})) {
        deliver(server, client, [this, server, client, request] {
            peers_[client].download->handle_refused({static_cast<std::uint32_t>(server)}, {request},
                                                    Refusal::cancelled, now_);
            drive(client);
        });
    }
}

// Sends the next quantum when the uplink is free.
void SwarmSim::serve(std::size_t server) {
    Peer& peer = peers_[server];
    while (const auto item = peer.queue.next()) {
        peer.queue.set_writable(item->client, false);
        peer.begun.push_back({item->client.value, epoch(server, item->client.value), *item, 0});
    }
    if (peer.sending || peer.begun.empty() || !peer.alive || now_ < peer.stopped_until) {
        return;
    }
    Answer answer = peer.begun.front();
    peer.begun.pop_front();
    const LeafRun part{{answer.item.run.first.value + answer.sent},
                       std::min(quantum_leaves, answer.item.run.count - answer.sent)};
    answer.sent += part.count;
    peer.outcome.sent_leaves += part.count;
    const bool whole = answer.sent == answer.item.run.count;
    if (!whole) {
        peer.begun.push_back(answer);
    }
    peer.sending = true;
    const TimePoint passed = now_ + span_of(part.count * leaf_bytes / peer.spec.up);
    at(passed, [this, server, answer, part, whole] {
        peers_[server].sending = false;
        sent(server, answer.client, answer.epoch, part, answer.item.request.value, whole);
        serve(server);
    });
}

void SwarmSim::sent(std::size_t server, std::size_t client, std::uint64_t at_epoch, LeafRun part,
                    std::uint64_t request, bool whole) {
    if (!peers_[server].alive || epoch(server, client) != at_epoch) {
        return;
    }
    if (whole) {
        peers_[server].queue.set_writable({client}, true);
    }
    Peer& to = peers_[client];
    const TimePoint reaches = now_ + peers_[server].spec.latency + to.spec.latency;
    to.down_free =
        std::max(reaches, to.down_free) + span_of(part.count * leaf_bytes / to.spec.down);
    on(client, to.down_free, [this, client, server, at_epoch, part, request, whole] {
        if (epoch(server, client) == at_epoch) {
            receive(client, server, part, request, whole);
        }
    });
}

}  // namespace shoal::sim
