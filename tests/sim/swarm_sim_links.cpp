// The network of SwarmSim: pipes, uplinks, downlinks.
#include <algorithm>
#include <utility>

#include "swarm_sim.hpp"

namespace shoal::sim {

namespace {

constexpr double window_floor = 256 * 1024;  // bytes that a connection may have in flight
constexpr double unsent_max = 32 * 1024;     // below it the next run of a connection begins

}  // namespace

// Twice what the path holds, as loss would let it grow.
double SwarmSim::window_max(std::size_t from, std::size_t to) const {
    const PeerSpec& a = peers_[from].spec;
    const PeerSpec& b = peers_[to].spec;
    const double trip_s = 2 * std::chrono::duration<double>(a.latency + b.latency).count();
    return window_floor + 2 * trip_s * std::min(a.up, b.down);
}

void SwarmSim::send_message(std::size_t from, std::size_t to, Side side, double bytes, Work work) {
    send(from, to, side, {bytes, false, std::move(work)});
}

void SwarmSim::send(std::size_t from, std::size_t to, Side side, Packet packet) {
    if (!up(from, to) || !peers_[from].alive) {
        return;
    }
    Pipe& pipe = peers_[from].pipes[{to, side}];
    pipe.to = to;
    pipe.epoch = epoch(from, to);
    pipe.buffered += packet.data ? packet.bytes : 0;
    pipe.packets.push_back(std::move(packet));
    if (!std::exchange(pipe.queued, true)) {
        peers_[from].round.emplace_back(to, side);
    }
    feed_uplink(from);
}

// The uplink takes a packet of each pipe in turn, as far as their windows allow.
void SwarmSim::feed_uplink(std::size_t index) {
    Peer& peer = peers_[index];
    while (!peer.sending && peer.alive && !peer.round.empty()) {
        const PipeKey key = peer.round.front();
        peer.round.pop_front();
        const auto found = peer.pipes.find(key);
        if (found == peer.pipes.end()) {
            continue;
        }
        Pipe& pipe = found->second;
        pipe.queued = false;
        if (pipe.packets.empty() || (pipe.in_flight > 0 && pipe.in_flight >= pipe.window)) {
            continue;  // an acknowledgement puts it back
        }
        Packet packet = std::move(pipe.packets.front());
        pipe.packets.pop_front();
        pipe.in_flight += packet.bytes;
        peer.sending = true;
        const TimePoint passed = now_ + span_of(packet.bytes / peer.spec.up);
        at(passed, [this, index, key, packet = std::move(packet)]() mutable {
            peers_[index].sending = false;
            pass(index, key, std::move(packet));
            feed_uplink(index);
        });
    }
}

// A packet has left: the pipe has room, and it travels to the receiver's downlink.
void SwarmSim::pass(std::size_t from, PipeKey key, Packet packet) {
    Peer& peer = peers_[from];
    const auto found = peer.pipes.find(key);
    if (found == peer.pipes.end() || !peer.alive) {
        return;
    }
    Pipe& pipe = found->second;
    const std::uint64_t sent_in = pipe.epoch;
    pipe.buffered -= packet.data ? packet.bytes : 0;
    if (!pipe.packets.empty() && !std::exchange(pipe.queued, true)) {
        peer.round.push_back(key);
    }
    if (packet.data && pipe.buffered <= unsent_max) {
        peer.queue.set_writable({pipe.to}, true);
        serve(from);
    }
    const std::size_t to = key.first;
    Peer& receiver = peers_[to];
    const Duration way = peer.spec.latency + receiver.spec.latency;
    receiver.down_free =
        std::max(now_ + way, receiver.down_free) + span_of(packet.bytes / receiver.spec.down);
    at(receiver.down_free, [this, from, to, key, sent_in, way, packet = std::move(packet)] {
        if (epoch(from, to) != sent_in || !peers_[to].alive) {
            return;
        }
        on(to, now_, [this, from, to, sent_in, work = packet.arrives] {
            if (epoch(from, to) == sent_in) {
                work();
            }
        });
        at(now_ + way, [this, from, key, sent_in, bytes = packet.bytes] {
            const auto sender = peers_[from].pipes.find(key);
            if (sender == peers_[from].pipes.end() || sender->second.epoch != sent_in) {
                return;
            }
            Pipe& acked = sender->second;
            acked.in_flight -= bytes;
            acked.window = std::min(acked.window + bytes, window_max(from, key.first));
            if (!acked.packets.empty() && !std::exchange(acked.queued, true)) {
                peers_[from].round.push_back(key);
                feed_uplink(from);
            }
        });
    });
}

}  // namespace shoal::sim
