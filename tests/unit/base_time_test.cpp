#include <thread>
#include <vector>

#include "catch2/catch.hpp"
#include "shoal/base/time.hpp"

using namespace shoal;

namespace {
TimePoint at(Duration time) { return TimePoint(1000s + time); }
}  // namespace

TEST_CASE("clock: time in which the process ran is the machine's") {
    RunClock clock;
    for (Duration time = 0s; time < 100s; time += RunClock::wait_max) {
        REQUIRE(clock.read(at(time), true) == at(time));
    }
}

TEST_CASE("clock: a stop of 34 s does not pass") {
    RunClock clock;
    CHECK(clock.read(at(0s), true) == at(0s));
    CHECK(clock.read(at(900ms), true) == at(900ms));
    const TimePoint back = clock.read(at(35s), true);
    CHECK(back >= at(900ms));
    CHECK(back <= at(1s));
    // From here on it goes as before, and a second stop counts as well.
    CHECK(clock.read(at(36s), true) == back + 1s);
    CHECK(clock.read(at(86s), true) <= back + 1100ms);
}

TEST_CASE("clock: without a heartbeat a gap is nothing but silence") {
    RunClock clock;
    CHECK(clock.read(at(0s), false) == at(0s));
    CHECK(clock.read(at(60s), false) == at(60s));
}

TEST_CASE("clock: a thread that read the machine's clock before the stop does not go back") {
    RunClock clock;
    const TimePoint before = clock.read(at(50ms), true);
    const TimePoint back = clock.read(at(60s), true);
    CHECK(back >= before);
    CHECK(clock.read(at(60ms), true) >= back);  // it was stopped between its two steps
}

TEST_CASE("clock: many threads see it go forward only") {
    RunClock clock;
    std::atomic<std::int64_t> real{0};
    std::atomic<bool> back{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            TimePoint last{};
            for (int turn = 0; turn < 20'000; ++turn) {
                // Now and then everybody stands still for an hour.
                const Duration step = turn % 1000 == 999 ? Duration(1h) : Duration(10ms);
                const Duration now(real.fetch_add(step.count()) + step.count());
                const TimePoint read = clock.read(at(now), true);
                back = back || read < last;
                last = read;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(!back);
}

TEST_CASE("clock: deadlines are looked at every beat while there is a heartbeat") {
    CHECK(within_beat(30s) == Duration(30s));
    const Heartbeat beats;
    CHECK(within_beat(30s) == RunClock::wait_max);
    CHECK(within_beat(10ms) == Duration(10ms));
    CHECK(within_beat(std::nullopt) == std::nullopt);
}
