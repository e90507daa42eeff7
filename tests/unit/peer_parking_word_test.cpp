#include <catch2/catch.hpp>

#include "peer/parking_word.hpp"

namespace shoal::peer {
namespace {

TEST_CASE("a wait that lasts is told once, and so is its end", "[peer][parking]") {
    ParkingWord word;
    TimePoint now{1h};
    CHECK_FALSE(word.next_timeout());
    word.handle_waits(now);
    CHECK_FALSE(word.poll(now));
    now += ParkingWord::lasting / 2;
    word.handle_waits(now);  // still
    CHECK_FALSE(word.poll(now));
    REQUIRE(word.next_timeout());
    now = *word.next_timeout();
    CHECK(now == TimePoint{1h} + ParkingWord::lasting);
    CHECK(word.poll(now));
    CHECK_FALSE(word.poll(now + 1h));
    CHECK_FALSE(word.next_timeout());
    CHECK(word.handle_goes_on(now));
    CHECK_FALSE(word.handle_goes_on(now));
}

TEST_CASE("a chain that waits and goes on thousands of times says little", "[peer][parking]") {
    ParkingWord word;
    TimePoint now{1h};
    SECTION("for moments: nothing") {
        for (int i = 0; i < 1'600; ++i) {
            word.handle_waits(now);
            now += 200ms;
            CHECK_FALSE(word.poll(now));
            CHECK_FALSE(word.handle_goes_on(now));
        }
    }
    SECTION("for two seconds each: a pair of lines in some seconds") {
        int lines = 0;
        const TimePoint begin = now;
        while (now < begin + 100s) {
            word.handle_waits(now);
            for (int i = 0; i < 20; ++i, now += 100ms) {
                lines += word.poll(now) ? 1 : 0;
            }
            lines += word.handle_goes_on(now) ? 1 : 0;
        }
        CHECK(lines > 10);
        CHECK(lines <= 2 * 100 / 5);
    }
}

}  // namespace
}  // namespace shoal::peer
