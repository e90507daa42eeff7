// RingPlan and QueryGate: when a search widens, and what a neighbour may bring.
#include <catch2/catch.hpp>

#include "shoal/overlay/query_gate.hpp"
#include "shoal/overlay/ring_plan.hpp"

using namespace shoal;
using namespace shoal::overlay;

namespace {

const TimePoint start{1h};

Counts counts(std::uint64_t hosts, std::uint32_t cut = 0, std::uint32_t lost = 0,
              std::uint32_t late = 0) {
    Counts made;
    made.hosts = hosts;
    made.cut = cut;
    made.lost = lost;
    made.late = late;
    return made;
}

// The TTL that is asked now, 0: it waits, -1: it is over.
int next(RingPlan& plan, TimePoint now) {
    const auto step = plan.poll(now);
    if (const auto* ask = std::get_if<RingPlan::Ask>(&step)) {
        return ask->ttl;
    }
    return std::holds_alternative<RingPlan::Over>(step) ? -1 : 0;
}

}  // namespace

TEST_CASE("a neighbour that came late is asked once the ring has answered", "[overlay][plan]") {
    RingPlan plan({}, start);
    plan.handle_host_up();  // before anybody was asked it counts as one of them
    CHECK(next(plan, start) == 2);
    plan.handle_host_up();
    CHECK(next(plan, start) == 0);
    plan.handle_done(counts(1), true);
    CHECK(next(plan, start) == limits::search_ttl_default);
    CHECK(next(plan, start) == 0);
    plan.handle_done(counts(2), true);
    CHECK(next(plan, start) == -1);
    plan.handle_host_up();
    CHECK(next(plan, start + 1s) == limits::search_ttl_default);
}

TEST_CASE("rings widen while results are few", "[overlay][plan]") {
    RingPlan plan({}, start);
    CHECK(next(plan, start) == 2);
    CHECK(next(plan, start) == 0);
    plan.handle_found(3);
    plan.handle_done(counts(10, 6), true);
    CHECK(next(plan, start) == 4);
    plan.handle_found(20);
    plan.handle_done(counts(80, 60), true);
    CHECK(next(plan, start) == -1);
    CHECK(plan.price().hosts == 80);
    CHECK(plan.asked() == std::vector<std::uint8_t>{2, 4});
    CHECK_FALSE(plan.everybody());
}

TEST_CASE("no ring is wider than the net", "[overlay][plan]") {
    RingPlan plan({}, start);
    CHECK(next(plan, start) == 2);
    plan.handle_done(counts(7), true);
    CHECK(next(plan, start) == -1);
    CHECK(plan.everybody());
}

TEST_CASE("a TTL that is given is asked at once", "[overlay][plan]") {
    RingPlan plan({.ttl = 9, .widen = false}, start);
    CHECK(next(plan, start) == 9);
    plan.handle_done(counts(7, 1), true);
    CHECK(next(plan, start) == -1);
    RingPlan small({.ttl = 1}, start);
    CHECK(next(small, start) == 1);
}

TEST_CASE("S6: broken connections make the last ring ask once more, and once only",
          "[overlay][plan]") {
    RingPlan plan({.ttl = 3, .widen = false}, start);
    CHECK(next(plan, start) == 3);
    plan.handle_done(counts(5, 0, 2), true);
    CHECK(next(plan, start) == 3);
    plan.handle_done(counts(5, 0, 2), true);
    CHECK(next(plan, start) == -1);
    CHECK_FALSE(plan.everybody());
}

TEST_CASE("S7: a ring that hangs holds up the next one for a while, and none for ever",
          "[overlay][plan]") {
    RingPlan plan({.wait = 4s}, start);
    CHECK(next(plan, start) == 2);
    const auto step = plan.poll(start);
    const TimePoint first = std::get<RingPlan::Wait>(step).until;
    CHECK(first < start + 1s);
    CHECK(next(plan, first) == 4);
    const TimePoint second = std::get<RingPlan::Wait>(plan.poll(first)).until;
    CHECK(next(plan, second) == 7);
    CHECK(std::get<RingPlan::Wait>(plan.poll(second)).until == start + 4s);
    plan.handle_done(counts(2), false);  // an earlier ring: it tells nothing of this one
    CHECK(next(plan, start + 3s) == 0);
    CHECK(next(plan, start + 4s) == -1);
}

TEST_CASE("late ones are waited for, since their hits still come", "[overlay][plan]") {
    RingPlan plan({.ttl = 3, .widen = false, .wait = 4s}, start);
    CHECK(next(plan, start) == 3);
    plan.handle_done(counts(5, 0, 0, 1), true);
    CHECK(next(plan, start + 3s) == 0);
    CHECK(next(plan, start + 4s) == -1);
}

TEST_CASE("counts add up without wrapping around", "[overlay][plan]") {
    Counts sum = counts(UINT64_MAX - 1);
    sum.late = UINT32_MAX;
    sum.add(counts(5, 0, 0, 7));
    CHECK(sum.hosts == UINT64_MAX);
    CHECK(sum.late == UINT32_MAX);
}

TEST_CASE("each neighbour spends its own share of searches", "[overlay][gate]") {
    QueryGate<int> gate;
    int admitted = 0;
    for (int i = 0; i < 10'000; ++i) {
        admitted += gate.admit(1, start + i * 100us) ? 1 : 0;  // 10,000 a second
    }
    CHECK(admitted >= 299);
    CHECK(admitted <= 300);
    CHECK(gate.admit(2, start + 1s));
    CHECK(gate.admit(1, start + 2s));
}

TEST_CASE("the gate's memory is bounded", "[overlay][gate]") {
    QueryGate<int> gate;
    int refused = 0;
    for (int neighbour = 0; neighbour < 100'000; ++neighbour) {
        refused += gate.admit(neighbour, start + neighbour * 1us) ? 0 : 1;
    }
    CHECK(gate.neighbours() <= QueryGate<int>::neighbours_max);
    CHECK(refused > 0);
    CHECK(gate.admit(-1, start + 10s));  // those who rest are forgotten
}
