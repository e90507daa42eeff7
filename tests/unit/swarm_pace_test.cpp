#include "swarm/pace.hpp"

#include <catch2/catch.hpp>

using namespace shoal;
using namespace shoal::swarm;

namespace {

constexpr std::uint32_t leaf = 16 * 1024;

// A source that sends a leaf each `gap`, `count` of them, a run being 4.
TimePoint feed(Pace& pace, Duration gap, int count, TimePoint now) {
    for (int at = 0; at < count; ++at) {
        const TimePoint asked = now;
        now += gap;
        pace.handle_leaf(now, asked);
        if (at % 4 == 3) {
            pace.handle_run_done(now, now - 10ms);
        }
    }
    return now;
}

}  // namespace

TEST_CASE("the rate follows what a source sends") {
    Pace pace(leaf);
    TimePoint now{1s};
    CHECK(pace.rate() == 0);
    pace.handle_ask(now, true);
    now = feed(pace, 1ms, 1000, now);
    CHECK(pace.rate() == Approx(leaf * 1000.0).epsilon(0.02));
    now = feed(pace, 10ms, 300, now);
    CHECK(pace.rate() == Approx(leaf * 100.0).epsilon(0.05));
    CHECK(pace.recent_rate(now) == Approx(pace.rate()));
    CHECK(pace.recent_rate(now + 20s) < pace.rate() / 10);
}

TEST_CASE("idle time does not count as slowness") {
    Pace pace(leaf);
    TimePoint now{1s};
    pace.handle_ask(now, true);
    now = feed(pace, 1ms, 200, now);
    pace.handle_idle(now);
    now += 30s;
    pace.handle_ask(now, true);
    feed(pace, 1ms, 200, now);
    CHECK(pace.rate() == Approx(leaf * 1000.0).epsilon(0.02));
    CHECK(pace.patience(500ms, 4s) == Duration(500ms));
}

TEST_CASE("short bursts add up to a rate") {
    Pace pace(leaf);
    TimePoint now{1s};
    for (int burst = 0; burst < 100; ++burst) {
        pace.handle_ask(now, true);
        now = feed(pace, 1ms, 4, now);
        pace.handle_idle(now);
        now += 100ms;
    }
    CHECK(pace.rate() == Approx(leaf * 1000.0).epsilon(0.02));
}

TEST_CASE("runs and windows grow from one chunk's worth to what the link carries") {
    struct Row {
        Duration gap;
        std::uint32_t window_least, window_most, run_least, run_most;
    };
    const Row row = GENERATE(Row{10us, 96, 384, 64, 64},  // 1.6 GB/s
                             Row{1ms, 90, 100, 60, 64},   // 16 MB/s
                             Row{10ms, 30, 42, 10, 16},   // 1.6 MB/s: 150 ms a run
                             Row{100ms, 2, 5, 4, 4});     // 160 kB/s
    Pace pace(leaf);
    TimePoint now{1s};
    CHECK(pace.window(1536 * 1024) == 8);
    CHECK(pace.run(8, 64) == 4);
    CHECK(pace.run(1, 64) == 4);
    pace.handle_ask(now, true);
    feed(pace, row.gap, 6000, now);
    const std::uint32_t window = pace.window(1536 * 1024);
    CHECK(window >= row.window_least);
    CHECK(window <= row.window_most);
    CHECK(pace.run(window, 64) >= row.run_least);
    CHECK(pace.run(window, 64) <= row.run_most);
}

TEST_CASE("a long link is kept full however small the share") {
    Pace pace(leaf);
    TimePoint now{1s};
    pace.handle_ask(now, true);
    now += 200ms;  // the round trip
    for (int at = 0; at < 20000; ++at) {
        now += 131us;  // 1 Gbit/s
        pace.handle_leaf(now, now - 200ms);
        if (at % 16 == 15) {
            pace.handle_run_done(now, now - 10ms);
        }
    }
    CHECK(pace.round_trip() == Duration(200ms));
    CHECK(pace.window(100 * 1024) >= 1500);
}

TEST_CASE("patience is a few of the longest pauses, within bounds") {
    Pace pace(leaf);
    CHECK(pace.patience(500ms, 4s) == Duration(1s));
    TimePoint now{1s};
    pace.handle_ask(now, true);
    now = feed(pace, 300ms, 3, now);
    CHECK(pace.patience(500ms, 4s) >= Duration(1s));
    now = feed(pace, 3s, 3, now);
    CHECK(pace.patience(500ms, 4s) == Duration(4s));
    feed(pace, 1ms, 60000, now);
    CHECK(pace.patience(500ms, 4s) == Duration(500ms));
}

TEST_CASE("after a failure it is trusted with one leaf, and more with each run") {
    Pace pace(leaf);
    const TimePoint now{1s};
    pace.handle_failure();
    CHECK(pace.window(1536 * 1024) == 1);
    CHECK(pace.run(1, 64) == 1);
    pace.handle_run_done(now, now - 10ms);
    pace.handle_run_done(now, now - 10ms);
    CHECK(pace.window(1536 * 1024) == 4);
}
