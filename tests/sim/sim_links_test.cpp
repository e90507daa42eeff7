// Honest swarms: how near do they come to what their links permit?
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>

#include "swarm_sim.hpp"

using namespace shoal;
using namespace shoal::sim;

namespace {

constexpr double leaf_bytes = leaf_wire_bytes;  // a link carries them with their headers
constexpr std::uint64_t leaves_per_mib = 64;

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

void print(const char* what, double took_s, double ideal_s, double duplicates) {
    std::printf("  %-44s %8.2f s  ideal %7.2f s  ratio %5.3f  duplicate %5.2f %%\n", what, took_s,
                ideal_s, took_s / ideal_s, 100 * duplicates);
}

double duplicate_part(const std::vector<PeerOutcome>& outcomes, const SwarmSpec& spec) {
    double most = 0;
    for (const PeerOutcome& peer : outcomes) {
        most = std::max(
            most, static_cast<double>(peer.duplicates) / static_cast<double>(spec.leaf_count));
    }
    return most;
}

double last_finish(const std::vector<PeerOutcome>& outcomes, const SwarmSpec& spec) {
    double last = 0;
    for (std::size_t index = 0; index < outcomes.size(); ++index) {
        if (outcomes[index].alive && spec.peers[index].holds < 1) {
            REQUIRE(outcomes[index].complete);
            last = std::max(last, seconds(outcomes[index].finished));
        }
    }
    return last;
}

SwarmSpec one_client(const std::vector<double>& uplinks, std::uint64_t mib, double down) {
    SwarmSpec spec;
    spec.leaf_count = mib * leaves_per_mib;
    spec.peers.push_back({.down = down});
    for (const double up : uplinks) {
        spec.peers.push_back({.up = up, .holds = 1});
    }
    return spec;
}

struct Measured {
    double ratio;
    double duplicates;
};

Measured measure(const char* what, const SwarmSpec& spec, double ideal_rate) {
    const auto outcomes = SwarmSim(spec).run();
    const double ideal_s = static_cast<double>(spec.leaf_count) * leaf_bytes / ideal_rate;
    const double took_s = last_finish(outcomes, spec);
    const double duplicates = duplicate_part(outcomes, spec);
    print(what, took_s, ideal_s, duplicates);
    return {took_s / ideal_s, duplicates};
}

}  // namespace

TEST_CASE("four sources are used at the sum of their links") {
    const Measured equal =
        measure("4 x 200 Mbit/s, 256 MiB",
                one_client(std::vector<double>(4, 200 * mbit), 256, 1e10), 800 * mbit);
    CHECK(equal.ratio <= 1 / 0.95);
    CHECK(equal.duplicates <= 0.01);
    const Measured unequal =
        measure("400/200/100/50 Mbit/s, 256 MiB",
                one_client({400 * mbit, 200 * mbit, 100 * mbit, 50 * mbit}, 256, 1e10), 750 * mbit);
    CHECK(unequal.ratio <= 1 / 0.9);
    CHECK(unequal.duplicates <= 0.02);
    const Measured small =
        measure("400/200/100/50 Mbit/s, 16 MiB",
                one_client({400 * mbit, 200 * mbit, 100 * mbit, 50 * mbit}, 16, 1e10), 750 * mbit);
    CHECK(small.ratio <= 1.5);
}

TEST_CASE("a client's own link is filled, with little duplicate data") {
    const Measured narrow =
        measure("client of 20 Mbit/s, 4 fast sources, 32 MiB",
                one_client(std::vector<double>(4, 1000 * mbit), 32, 20 * mbit), 20 * mbit);
    CHECK(narrow.ratio <= 1.05);
    CHECK(narrow.duplicates <= 0.01);
}

TEST_CASE("a long link is filled") {
    SwarmSpec spec = one_client({200 * mbit}, 256, 1e10);
    spec.peers[1].latency = 50ms;
    CHECK(measure("one source of 200 Mbit/s, 100 ms away", spec, 200 * mbit).ratio <= 1.2);
}

TEST_CASE("a source that fails in the middle costs its share and little more") {
    // Of 4 x 200 Mbit/s one fails at half the time; the other three carry the rest.
    const double half_s = 128.0 * leaves_per_mib * leaf_bytes / (800 * mbit);
    const double ideal_s = half_s + 128.0 * leaves_per_mib * leaf_bytes / (600 * mbit);
    const auto fails = [&](const char* what, const std::function<void(PeerSpec&)>& fail,
                           double most) {
        SwarmSpec spec = one_client(std::vector<double>(4, 200 * mbit), 256, 1e10);
        fail(spec.peers[4]);
        const auto outcomes = SwarmSim(spec).run();
        const double took_s = last_finish(outcomes, spec);
        print(what, took_s, ideal_s, duplicate_part(outcomes, spec));
        CHECK(took_s <= most * ideal_s);
    };
    const Duration half =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(half_s));
    fails(
        "one of four killed at 50 %", [&](PeerSpec& peer) { peer.dies = half; }, 1.1);
    fails(
        "its cable cut",
        [&](PeerSpec& peer) {
            peer.dies = half;
            peer.dies_silently = true;
        },
        1.15);
    fails(
        "stopped",
        [&](PeerSpec& peer) {
            peer.stall = {half, 1h};
        },
        1.15);
}

TEST_CASE("of N servers N - 2 die: the file completes") {
    SwarmSpec spec = one_client(std::vector<double>(10, 50 * mbit), 64, 1e10);
    for (std::size_t server = 1; server <= 8; ++server) {
        spec.peers[server].dies = Duration(100ms) * static_cast<int>(server);
        spec.peers[server].dies_silently = server % 2 == 0;
    }
    const auto outcomes = SwarmSim(spec).run();
    CHECK(outcomes[0].complete);
    // Each 100 ms one link less: 10 + 9 + ... + 3 of them carry for 100 ms, then 2 the rest.
    const double bytes = 64 * leaves_per_mib * leaf_bytes;
    const double ideal_s = 0.8 + (bytes - 0.1 * 52 * 50 * mbit) / (100 * mbit);
    const double took_s = last_finish(outcomes, spec);
    print("10 servers of 50 Mbit/s, 8 die", took_s, ideal_s, duplicate_part(outcomes, spec));
    CHECK(took_s <= 1.3 * ideal_s);
}
