#include <catch2/catch.hpp>

#include "peer/rate_meter.hpp"

namespace shoal::peer {
namespace {

TEST_CASE("a meter that has seen nothing says zero") {
    RateMeter meter;
    CHECK(meter.rate(TimePoint{1h}) == 0);
}

TEST_CASE("the rate is what came over the time since it began, at most the window") {
    RateMeter meter;
    TimePoint now{1h};
    for (int i = 0; i < 10; ++i) {
        now += 100ms;
        meter.add(1000, now);
    }
    CHECK(meter.rate(now) == Approx(10'000 / 0.9));
    for (int i = 0; i < 100; ++i) {
        now += 100ms;
        meter.add(5000, now);
    }
    CHECK(meter.rate(now) == Approx(50'000).epsilon(0.05));
}

TEST_CASE("what stops fades to zero within the window") {
    RateMeter meter;
    meter.add(1'000'000, TimePoint{1h});
    CHECK(meter.rate(TimePoint{1h} + 1s) == Approx(1'000'000));
    CHECK(meter.rate(TimePoint{1h} + 4s) == 0);
}

TEST_CASE("many small additions are merged, none is lost") {
    RateMeter meter;
    TimePoint now{1h};
    for (int i = 0; i < 1000; ++i) {
        now += 1ms;
        meter.add(10, now);
    }
    CHECK(meter.rate(now) == Approx(10'000).epsilon(0.02));
}

}  // namespace
}  // namespace shoal::peer
