// Crowds that start together: the last one has the file when the seed's link has carried it once,
// or little later. Ratios are to what the links carry.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "swarm_sim.hpp"

using namespace shoal;
using namespace shoal::sim;

namespace {

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

// Peer 0 is the seed, the others fetch; all have 100 Mbit/s both ways.
SwarmSpec crowd(std::size_t leechers, std::size_t neighbours = 0) {
    SwarmSpec spec;
    spec.leaf_count = 64 * 64;  // 64 MiB
    spec.leaf_hashes = true;
    spec.neighbours = neighbours;
    spec.peers.assign(leechers + 1, {});
    spec.peers[0].holds = 1;
    return spec;
}

double bytes_of(const SwarmSpec& spec) {
    return static_cast<double>(spec.leaf_count) * leaf_wire_bytes;
}

// What the seed's link, the slowest downlink and all uplinks together permit, from the start.
double ideal(const SwarmSpec& spec) {
    double up = 0;
    double slowest = spec.peers[0].up;
    for (const PeerSpec& peer : spec.peers) {
        up += peer.up;
        slowest = std::min(slowest, peer.down);
    }
    const auto leechers = static_cast<double>(spec.peers.size() - 1);
    return std::max(bytes_of(spec) / slowest, leechers * bytes_of(spec) / up);
}

// Runs it and tells how many times `ideal_s` the last living leecher took.
double ratio(const char* what, const SwarmSpec& spec, double ideal_s) {
    const auto outcomes = SwarmSim(spec).run();
    double last = 0;
    double duplicates = 0;
    for (std::size_t index = 1; index < outcomes.size(); ++index) {
        if (!outcomes[index].alive || spec.peers[index].holds >= 1) {
            continue;
        }
        REQUIRE(outcomes[index].complete);
        last = std::max(last, seconds(outcomes[index].finished + spec.peers[index].joins));
        duplicates += static_cast<double>(outcomes[index].duplicates);
    }
    const auto leaves = static_cast<double>(spec.leaf_count);
    std::printf(
        "  %-40s %6.2f s  ideal %5.2f s  ratio %5.3f  seed %4.2f copies  duplicate %.2f %%\n", what,
        last, ideal_s, last / ideal_s, static_cast<double>(outcomes[0].sent_leaves) / leaves,
        100 * duplicates / leaves / static_cast<double>(outcomes.size() - 1));
    return last / ideal_s;
}

double ratio(const char* what, const SwarmSpec& spec) { return ratio(what, spec, ideal(spec)); }

}  // namespace

TEST_CASE("a flash crowd completes near the time of one copy") {
    CHECK(ratio("flash crowd of 8, 64 MiB", crowd(8)) <= 1.10);
    CHECK(ratio("flash crowd of 30", crowd(30)) <= 1.15);
}

TEST_CASE("a crowd of 30 with something wrong is nearly as fast") {
    SwarmSpec uneven = crowd(30);
    for (std::size_t peer = 1; peer <= 30; ++peer) {
        uneven.peers[peer].up = (peer % 2 == 0 ? 200 : 50) * mbit;
        uneven.peers[peer].down = 200 * mbit;
    }
    CHECK(ratio("30, uplinks of 50 and 200 Mbit/s", uneven) <= 1.15);

    SwarmSpec dying = crowd(30);
    dying.peers[1].dies = span_of(ideal(dying) / 2);
    CHECK(ratio("30, one dies at 50 %", dying) <= 1.15);
    dying.peers[1].dies_silently = true;
    CHECK(ratio("30, one's cable is cut at 50 %", dying) <= 1.15);

    SwarmSpec late = crowd(30);
    for (std::size_t peer = 21; peer <= 30; ++peer) {
        late.peers[peer].joins = 2s;
    }
    CHECK(ratio("30, ten of them 2 s late", late, 2 + ideal(late)) <= 1.15);

    SwarmSpec liar = crowd(30);
    liar.peers[1].holds = 1;
    liar.peers[1].up = 1 * mbit;
    CHECK(ratio("30, one claims all and serves 1 Mbit/s", liar) <= 1.15);
    liar.peers[1].lies = 1;
    CHECK(ratio("30, likewise, and what it sends is wrong", liar) <= 1.15);
}

TEST_CASE("larger crowds: slower by the logarithm of their number", "[.long]") {
    CHECK(ratio("flash crowd of 100, each dials 40", crowd(100, 40)) <= 1.20);
    CHECK(ratio("flash crowd of 300, each dials 40", crowd(300, 40)) <= 1.35);
    CHECK(ratio("flash crowd of 1,000, each dials 40", crowd(1000, 40)) <= 1.60);
}
