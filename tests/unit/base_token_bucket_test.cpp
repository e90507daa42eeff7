#include <algorithm>
#include <catch2/catch.hpp>

#include "shoal/base/limits.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/token_bucket.hpp"

using namespace shoal;

namespace {

// Moves as much as the bucket allows for `span` of virtual time, in steps of up to `piece` bytes,
// and overdraws by up to `overdraft` now and then. Returns the bytes moved.
std::uint64_t move_for(TokenBucket& bucket, TimePoint& now, Duration span, SmallRandom& random,
                       std::uint64_t overdraft) {
    const TimePoint end = now + span;
    std::uint64_t moved = 0;
    while (now < end) {
        const std::uint64_t available = bucket.available(now);
        if (available > 0) {
            const std::uint64_t bytes =
                std::min(available, 1 + random.below(20000)) + random.below(overdraft + 1);
            bucket.spend(bytes);
            moved += bytes;
        } else {
            now += bucket.wait_for(1 + random.below(20000), now);
        }
    }
    return moved;
}

}  // namespace

TEST_CASE("over ten seconds the bytes moved are within one percent of the rate", "[base]") {
    const std::uint64_t rate = GENERATE(300'000U, 1'000'000U, 12'500'000U, 1'250'000'000U);
    const std::uint64_t overdraft = GENERATE(0U, 1000U);
    SmallRandom random(rate + overdraft);
    TokenBucket bucket(rate);
    TimePoint now{100s};
    bucket.available(now);
    bucket.spend(std::max<std::uint64_t>(rate / 20, limits::leaf_size));  // the burst
    const double moved = static_cast<double>(move_for(bucket, now, 10s, random, overdraft));
    CHECK(moved == Approx(static_cast<double>(rate) * 10).epsilon(0.01));
}

TEST_CASE("an idle bucket saves up one burst and no more", "[base]") {
    TokenBucket large(20'000'000);
    CHECK(large.available(TimePoint{1s}) == 1'000'000);
    CHECK(large.available(TimePoint{3600s}) == 1'000'000);
    TokenBucket small(10);
    CHECK(small.available(TimePoint{3600s}) == limits::leaf_size);
}

TEST_CASE("the wait is just long enough", "[base]") {
    SmallRandom random(5);
    for (int round = 0; round < 5000; ++round) {
        const std::uint64_t rate = 1 + random.below(round % 2 == 0 ? 100'000 : 2'000'000'000);
        TokenBucket bucket(rate);
        TimePoint now{Duration{static_cast<Duration::rep>(random.below(1'000'000'000'000))}};
        bucket.spend(bucket.available(now) + random.below(100'000));
        const std::uint64_t wanted = 1 + random.below(limits::leaf_size);
        const Duration wait = bucket.wait_for(wanted, now);
        REQUIRE(wait > 0s);
        TokenBucket early = bucket;
        REQUIRE(early.available(now + wait - std::min<Duration>(wait, 10ns)) <= wanted);
        REQUIRE(bucket.available(now + wait) >= wanted);
        REQUIRE(bucket.wait_for(wanted, now + wait) == 0s);
    }
}

TEST_CASE("a wish above the burst waits for the burst", "[base]") {
    TokenBucket bucket(1'000'000);
    const TimePoint now{1s};
    bucket.spend(bucket.available(now));
    CHECK(bucket.wait_for(UINT64_MAX, now) <= 51ms);
}

TEST_CASE("what was overdrawn is paid back", "[base]") {
    TokenBucket bucket(1'000'000);
    const TimePoint now{1s};
    bucket.spend(bucket.available(now) + 500'000);
    CHECK(bucket.available(now + 499ms) == 0);
    CHECK(bucket.wait_for(1, now + 499ms) > 1ms);
    CHECK(bucket.available(now + 510ms) == Approx(10'000).margin(2));
}

TEST_CASE("0 is unlimited, and the rate may change at any time", "[base]") {
    TimePoint now{1s};
    TokenBucket bucket;
    CHECK(bucket.unlimited());
    CHECK(bucket.available(now) > limits::file_size_max);
    bucket.spend(limits::file_size_max);
    CHECK(bucket.wait_for(UINT64_MAX, now) == 0s);
    bucket.set_rate(1'000'000, now);
    CHECK_FALSE(bucket.unlimited());
    CHECK(bucket.available(now) <= 50'000);
    bucket.spend(50'000);
    CHECK(bucket.wait_for(10'000, now) > 9ms);
    bucket.set_rate(0, now);
    CHECK(bucket.wait_for(10'000, now) == 0s);
}

TEST_CASE("a clock that steps back gives nothing away", "[base]") {
    TokenBucket bucket(1'000'000);
    bucket.spend(bucket.available(TimePoint{10s}));
    CHECK(bucket.available(TimePoint{5s}) == 0);
    CHECK(bucket.available(TimePoint{10s}) == 0);
}
