#include "swarm_sim.hpp"

#include <algorithm>
#include <utility>

namespace shoal::sim {

using namespace swarm;

namespace {

constexpr Duration redial_after = 1s;

}  // namespace

SwarmSim::SwarmSim(SwarmSpec spec)
    : spec_(std::move(spec)),
      shape_{spec_.leaf_count, spec_.leaves_per_chunk},
      random_(spec_.seed),
      peers_(spec_.peers.size()),
      friends_(spec_.peers.size()) {
    for (std::size_t index = 0; index < peers_.size(); ++index) {
        Peer& peer = peers_[index];
        peer.spec = spec_.peers[index];
        Bitmap held(shape_.chunk_count(), peer.spec.holds >= 1);
        for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
            if (random_.below(1000000) < static_cast<std::uint64_t>(peer.spec.holds * 1e6)) {
                held.set(chunk);
            }
        }
        peer.download =
            std::make_unique<Download>(shape_, held, Download::Config{.seed = random_.next()});
        peer.bad_leaf.resize(shape_.leaf_count);
        peer.sent.resize(shape_.leaf_count);
        peer.queue = UploadQueue(spec_.uploads);
        if (held.all()) {
            peer.copies.emplace(shape_, random_.next());
        }
        unfinished_ += held.all() ? 0 : 1;
        on(index, start_ + peer.spec.joins, [this, index] { join(index); });
        if (peer.spec.dies) {
            at(start_ + *peer.spec.dies, [this, index] { die(index); });
        }
        if (peer.spec.stall) {
            const TimePoint from = start_ + peer.spec.stall->at;
            const TimePoint until = from + peer.spec.stall->lasts;
            at(from, [this, index, until] { peers_[index].stopped_until = until; });
            at(until, [this, index] {
                feed_uplink(index);
                serve(index);
            });
        }
    }
    if (spec_.losses_per_s > 0) {
        lose_one();
    }
}

SwarmSim::~SwarmSim() = default;

// Time ----------------------------------------------------------------------------------------

void SwarmSim::at(TimePoint when, Work work) {
    events_.push({when, next_order_++, std::move(work)});
}

void SwarmSim::on(std::size_t peer, TimePoint when, Work work) {
    at(when, [this, peer, work = std::move(work)]() mutable {
        if (!peers_[peer].alive) {
            return;
        }
        if (now_ < peers_[peer].stopped_until) {
            on(peer, peers_[peer].stopped_until, std::move(work));
        } else {
            work();
        }
    });
}

void SwarmSim::arm(std::size_t index, std::optional<TimePoint> Peer::*timer,
                   std::optional<TimePoint> wanted, TimePoint earliest,
                   void (SwarmSim::*then)(std::size_t)) {
    const std::optional<TimePoint>& armed = peers_[index].*timer;
    if (!wanted || (armed && *armed <= *wanted)) {
        return;
    }
    peers_[index].*timer = wanted;
    on(index, std::max(*wanted, earliest), [this, index, timer, then, due = *wanted] {
        if (peers_[index].*timer == due) {
            (peers_[index].*timer).reset();
        }
        (this->*then)(index);
    });
}

std::vector<PeerOutcome> SwarmSim::run() {
    while (!events_.empty() && unfinished_ > 0 && events_.top().at <= start_ + spec_.limit) {
        const Event event = std::move(const_cast<Event&>(events_.top()));
        events_.pop();
        now_ = event.at;
        event.work();
    }
    std::vector<PeerOutcome> outcomes;
    for (std::size_t peer = 0; peer < peers_.size(); ++peer) {
        outcomes.push_back(outcome_of(peer));
    }
    return outcomes;
}

PeerOutcome SwarmSim::outcome_of(std::size_t index) {
    Peer& peer = peers_[index];
    peer.outcome.alive = peer.alive;
    peer.outcome.complete = peer.download->complete();
    peer.outcome.finished = peer.finished_at - (start_ + peer.spec.joins);
    peer.outcome.duplicates = peer.download->duplicate_leaves();
    for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
        const bool there =
            std::any_of(friends_[index].begin(), friends_[index].end(), [&](std::size_t other) {
                const Peer& holder = peers_[other];
                return holder.alive && holder.spec.lies <= 0 && up(index, other) &&
                       holds(other, {chunk});
            });
        if (there && !holds(index, {chunk})) {
            peer.outcome.missing_but_held.push_back(chunk);
        }
    }
    return peer.outcome;
}

// Connections ---------------------------------------------------------------------------------

std::uint64_t& SwarmSim::epoch(std::size_t a, std::size_t b) {
    return epochs_[{std::min(a, b), std::max(a, b)}];
}

bool SwarmSim::up(std::size_t a, std::size_t b) { return epoch(a, b) % 2 == 1; }

bool SwarmSim::holds(std::size_t peer, ChunkIndex chunk) const {
    return peers_[peer].download->held().test(chunk.value);
}

void SwarmSim::join(std::size_t peer) {
    peers_[peer].joined = true;
    std::vector<std::size_t> others;
    for (std::size_t other = 0; other < peers_.size(); ++other) {
        if (other != peer && peers_[other].joined && peers_[other].alive) {
            others.push_back(other);
        }
    }
    if (spec_.neighbours > 0 && others.size() > spec_.neighbours) {
        for (std::size_t index = 0; index < spec_.neighbours; ++index) {
            std::swap(others[index], others[index + random_.below(others.size() - index)]);
        }
        others.resize(spec_.neighbours);
    }
    for (const std::size_t other : others) {
        connect(peer, other);
    }
}

void SwarmSim::connect(std::size_t a, std::size_t b) {
    if (!peers_[a].alive || !peers_[b].alive || up(a, b)) {
        return;
    }
    if (epoch(a, b)++ == 0) {
        friends_[a].push_back(b);
        friends_[b].push_back(a);
    }
    subscribe(a, b);
    subscribe(b, a);
}

void SwarmSim::subscribe(std::size_t client, std::size_t server) {
    if (peers_[client].download->complete()) {
        return;
    }
    on(client, now_, [this, client, server] {  // after the loss before it, also when stopped
        peers_[client].download->handle_source({static_cast<std::uint32_t>(server)}, now_);
    });
    send_message(client, server, Side::client, request_bytes, [this, client, server] {
        const Bitmap& held = peers_[server].download->held();
        peers_[server].news.subscribe({{client}, 0});
        const double bytes = have_bytes + static_cast<double>(held.size()) / 8;
        send_message(server, client, Side::server, bytes, [this, client, server, held] {
            peers_[client].download->handle_holds({static_cast<std::uint32_t>(server)}, held);
            drive(client);
        });
    });
}

void SwarmSim::disconnect(std::size_t a, std::size_t b) {
    if (!up(a, b)) {
        return;
    }
    ++epoch(a, b);
    for (const auto& [self, other] : {std::pair(a, b), std::pair(b, a)}) {
        Peer& peer = peers_[self];
        peer.queue.forget({other});
        peer.news.forget({other});
        peer.pipes.erase({other, Side::client});
        peer.pipes.erase({other, Side::server});
        on(self, now_, [this, self = self, other = other] {
            peers_[self].download->handle_source_gone({static_cast<std::uint32_t>(other)}, now_);
            drive(self);
        });
    }
}

void SwarmSim::lose_one() {
    const double gap_s = 2 * static_cast<double>(random_.below(1000)) / 1000 / spec_.losses_per_s;
    at(now_ + span_of(gap_s), [this] {
        const std::size_t a = random_.below(peers_.size());
        const std::size_t b = random_.below(peers_.size());
        if (a != b && up(a, b)) {
            disconnect(a, b);
            at(now_ + redial_after, [this, a, b] { connect(a, b); });
        }
        lose_one();
    });
}

void SwarmSim::die(std::size_t index) {
    Peer& peer = peers_[index];
    peer.alive = false;
    unfinished_ -= peer.download->complete() ? 0 : 1;
    if (!peer.spec.dies_silently) {
        for (const std::size_t other : friends_[index]) {
            disconnect(index, other);
        }
    }
}

}  // namespace shoal::sim
