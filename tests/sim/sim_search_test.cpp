// Searches in nets of up to 10,000 hosts, with deaths; and what forged ones cost.
// The tag [figures] prints the table of docs/search.md.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>

#include "search_sim.hpp"

using namespace shoal;
using namespace shoal::sim;

namespace {

std::set<std::size_t> draw(SmallRandom& random, std::size_t hosts, std::size_t count) {
    std::set<std::size_t> drawn;
    while (drawn.size() < count) {
        drawn.insert(random.below(hosts));
    }
    return drawn;
}

struct Sum {
    std::uint64_t queries{0};
    std::uint64_t found{0};  // at least one holder
    std::uint64_t holders{0};
    std::uint64_t searches{0}, hits{0}, answers{0}, bytes{0}, duplicates{0}, hosts{0}, plain{0};
    Duration first{0}, elapsed{0};

    [[nodiscard]] double of(std::uint64_t what) const {
        return static_cast<double>(what) / static_cast<double>(queries);
    }
};

void check_counts(const SearchOutcome& outcome) {
    // What the origin was told is what was sent: searches, hits and answers.
    CHECK(outcome.price.messages == outcome.searches + outcome.hits + outcome.answers);
    CHECK(outcome.answers == outcome.searches);  // each is answered once
    CHECK(outcome.price.duplicates == outcome.searches - outcome.handled);
    CHECK(outcome.price.lost == 0);
    CHECK(outcome.price.late == 0);
}

Sum run(const NetSpec& spec, std::size_t holders, std::size_t queries,
        const overlay::RingPlan::Options& options) {
    SearchNet net(spec);
    SmallRandom random(spec.seed + 1000);
    Sum sum;
    for (std::size_t i = 0; i < queries; ++i) {
        const auto having = draw(random, spec.hosts, holders);
        const std::size_t origin = random.below(spec.hosts);
        net.set_holders(having);
        const SearchOutcome outcome = net.search(origin, options);
        check_counts(outcome);
        const std::set<std::size_t> distinct(outcome.holders.begin(), outcome.holders.end());
        ++sum.queries;
        sum.found += distinct.empty() ? 0 : 1;
        sum.holders += distinct.size();
        sum.searches += outcome.searches;
        sum.hits += outcome.hits;
        sum.answers += outcome.answers;
        sum.bytes += outcome.price.bytes;
        sum.duplicates += outcome.price.duplicates;
        sum.hosts += outcome.price.hosts;
        sum.plain += net.plain_flood(origin, options.ttl);
        sum.first += outcome.first_hit;
        sum.elapsed += outcome.elapsed;
    }
    return sum;
}

double ms(Duration span, std::uint64_t count) {
    return std::chrono::duration<double, std::milli>(span).count() / static_cast<double>(count);
}

void print(const char* label, const Sum& sum) {
    std::printf(
        "  %-26s found %5.1f %%  holders %6.1f  hosts %7.1f  searches %8.1f  hits %6.1f  "
        "answers %8.1f  KiB %8.1f  first %4.0f ms  all %4.0f ms  plain %8.1f\n",
        label, 100 * sum.of(sum.found), sum.of(sum.holders), sum.of(sum.hosts),
        sum.of(sum.searches), sum.of(sum.hits), sum.of(sum.answers), sum.of(sum.bytes) / 1024,
        ms(sum.first, sum.queries), ms(sum.elapsed, sum.queries), sum.of(sum.plain));
}

const overlay::RingPlan::Options at_once{.ttl = 7, .widen = false};
const overlay::RingPlan::Options in_rings{};

// Of the holders that the origin can still reach when all is over, how many it has found.
struct Survival {
    std::uint64_t reachable{0};
    std::uint64_t arrived{0};
    std::size_t floods_max{0};
    std::uint64_t twice{0};  // hits that arrived more than once in a ring
};

void one_with_deaths(SearchNet& net, SmallRandom& random, std::size_t hosts, Survival& survival) {
    const auto having = draw(random, hosts, hosts / 50);
    const std::size_t origin = random.below(hosts);
    net.set_holders(having);
    std::vector<Death> deaths;
    for (const std::size_t host : draw(random, hosts, hosts / 5)) {
        if (host != origin) {
            deaths.push_back(
                {host, Duration(static_cast<Duration::rep>(random.below(300'000'000)))});
        }
    }
    const SearchOutcome outcome = net.search(origin, at_once, deaths);
    survival.floods_max = std::max(survival.floods_max, outcome.rings.size());
    for (const std::size_t host : net.within(origin, at_once.ttl)) {
        if (having.contains(host)) {
            ++survival.reachable;
            survival.arrived += outcome.holders.contains(host) ? 1 : 0;
        }
    }
    for (const std::size_t holder : having) {
        survival.twice += outcome.holders.count(holder) > outcome.rings.size() ? 1 : 0;
    }
    net.revive();
}

}  // namespace

TEST_CASE("searches in a net of 1,000 hosts find what is rare and count what they cost",
          "[search]") {
    const NetSpec spec{.hosts = 1000};
    const Sum once = run(spec, 1, 40, at_once);
    print("1,000 hosts, TTL 7", once);
    CHECK(once.found == once.queries);
    // A copy that took a long way may come first, with less TTL left: that costs a host or two.
    CHECK(once.hosts > once.queries * 998);
    CHECK(once.searches <= once.plain);
    const Sum rare = run(spec, 1, 20, in_rings);
    CHECK(rare.found == rare.queries);
    const Sum popular = run(spec, 300, 20, in_rings);
    print("held by 30 %, in rings", popular);
    CHECK(popular.of(popular.searches) < once.of(once.searches) / 4);
}

TEST_CASE("S6: a fifth of the hosts die during the search, the rest is found", "[search]") {
    SearchNet net({.hosts = 600});
    SmallRandom random(77);
    Survival survival;
    for (int i = 0; i < 15; ++i) {
        one_with_deaths(net, random, 600, survival);
    }
    std::printf("  20 %% die: %llu of %llu reachable holders found, at most %zu floods\n",
                static_cast<unsigned long long>(survival.arrived),
                static_cast<unsigned long long>(survival.reachable), survival.floods_max);
    CHECK(survival.floods_max <= 2);
    CHECK(survival.twice == 0);
    CHECK(static_cast<double>(survival.arrived) > 0.95 * static_cast<double>(survival.reachable));
}

namespace {

// Everything that a neighbour may send, right and wrong.
class Forger {
  public:
    overlay::SearchRouter router;
    std::uint64_t forwarded{0};
    std::uint64_t answered{0};
    std::size_t memory_max{0};

    Forger() {
        for (std::size_t n = 1; n <= 8; ++n) {
            router.handle_asker_up({n}, address(n), node(n));
            router.handle_server_up({static_cast<std::uint32_t>(n)}, address(n), node(n));
        }
    }
    void send_one() {
        now_ += 1ms;
        router.handle_timeout(now_);
        overlay::Route route;
        route.id = id();
        route.ttl = static_cast<std::uint8_t>(random_.below(256));
        route.wait = Duration(static_cast<Duration::rep>(random_.below(100'000'000'000)));
        for (auto left = random_.below(17); left > 0; --left) {
            route.stack.push_back(address(random_.below(40)));
        }
        const overlay::AskerId from{1 + random_.below(9)};  // 9 is nobody
        (void)router.handle_search(from, random_.next(), route, now_);
        router.handle_local_done(id());
        (void)router.handle_hits(SourceId{1 + static_cast<std::uint32_t>(random_.below(12))}, id(),
                                 random_.next(), 100);
        router.handle_done(SourceId{1 + static_cast<std::uint32_t>(random_.below(12))}, id(),
                           random_.below(2) == 0 ? std::optional(overlay::Counts{}) : std::nullopt);
        look(route, from);
    }

  private:
    static HostAddress address(std::size_t n) {
        HostAddress made;
        made.ip[15] = static_cast<std::uint8_t>(n);
        made.port = n == 0 ? 0 : 8080;
        return made;
    }
    static NodeId node(std::size_t n) {
        NodeId made;
        made.bytes[0] = static_cast<std::uint8_t>(n);
        return made;
    }
    // Of so few that many are used twice.
    overlay::SearchId id() {
        overlay::SearchId made;
        const std::uint64_t number = random_.below(30'000);
        std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), 8, made.bytes.begin());
        return made;
    }
    void look(const overlay::Route& route, overlay::AskerId from) {
        while (const auto action = router.poll()) {
            const auto* onward = std::get_if<overlay::SearchRouter::Forward>(&*action);
            answered += onward == nullptr ? 1 : 0;
            if (onward == nullptr) {
                continue;
            }
            ++forwarded;
            const auto& stack = onward->route.stack;
            const HostAddress target = address(onward->to.value);
            const bool sound = onward->route.id == route.id && onward->route.ttl > 0 &&
                               onward->route.ttl < route.ttl && onward->to.value != from.value &&
                               stack.size() == route.stack.size() + 1 &&
                               stack.size() + onward->route.ttl <= limits::search_ttl_max &&
                               onward->route.wait <= 60s &&
                               std::find(stack.begin(), stack.end(), target) == stack.end();
            if (!sound) {
                FAIL("a search was forwarded that must not be, or not there");
            }
        }
        // It walks all entries: not at each step.
        memory_max = std::max(memory_max, ++looks_ % 64 == 0 ? router.memory() : 0);
    }

    SmallRandom random_{4};
    TimePoint now_{1h};
    std::uint64_t looks_{0};
};

}  // namespace

TEST_CASE("100,000 forged searches: none is forwarded wrongly, memory is flat", "[search]") {
    Forger forger;
    std::size_t entries_max = 0;
    std::size_t early = 0;
    for (int i = 0; i < 100'000; ++i) {
        forger.send_one();
        entries_max = std::max(entries_max, forger.router.entries());
        early = i == 40'000 ? forger.memory_max : early;
    }
    const auto& totals = forger.router.totals();
    std::printf(
        "  100,000 forged searches: %llu handled, %llu duplicates, %llu malformed, "
        "%llu forwarded, %llu hits dropped; at most %zu entries, %zu KiB\n",
        static_cast<unsigned long long>(totals.handled),
        static_cast<unsigned long long>(totals.duplicates),
        static_cast<unsigned long long>(totals.malformed),
        static_cast<unsigned long long>(forger.forwarded),
        static_cast<unsigned long long>(totals.hits_dropped), entries_max,
        forger.memory_max / 1024);
    CHECK(totals.malformed > 1000);
    CHECK(forger.forwarded > 1000);
    CHECK(entries_max <= overlay::SearchRouter::entries_max);
    CHECK(forger.memory_max < early + early / 4);
}

TEST_CASE("10,000 hosts, a file on 0.1 % of them, 1,000 searches", "[.long][search]") {
    const Sum sum = run({.hosts = 10'000}, 10, 1000, at_once);
    print("10,000 hosts, TTL 7", sum);
    CHECK(static_cast<double>(sum.found) > 0.99 * static_cast<double>(sum.queries));
    CHECK(sum.searches <= sum.plain);
    CHECK(sum.answers == sum.searches);
}

TEST_CASE("10,000 hosts, a fifth of them die", "[.long][search]") {
    SearchNet net({.hosts = 10'000});
    SmallRandom random(99);
    Survival survival;
    for (int i = 0; i < 20; ++i) {
        one_with_deaths(net, random, 10'000, survival);
    }
    std::printf("  20 %% of 10,000 die: %llu of %llu reachable holders found\n",
                static_cast<unsigned long long>(survival.arrived),
                static_cast<unsigned long long>(survival.reachable));
    CHECK(survival.floods_max <= 2);
    CHECK(static_cast<double>(survival.arrived) > 0.95 * static_cast<double>(survival.reachable));
}

// docs/search.md: tests/bench/search_figures.py reads these lines.
TEST_CASE("what searches cost", "[.figures]") {
    const std::size_t hosts = 10'000;
    for (const std::size_t holders : {10U, 100U, 1000U}) {
        for (const bool rings : {false, true}) {
            const Sum sum = run({.hosts = hosts}, holders, 50, rings ? in_rings : at_once);
            const std::string label = std::to_string(holders) + (rings ? " rings" : " once");
            print(label.c_str(), sum);
        }
    }
    for (std::uint8_t ttl = 1; ttl <= 8; ++ttl) {
        const Sum sum = run({.hosts = hosts}, 10, 20, {.ttl = ttl, .widen = false});
        print(("ttl " + std::to_string(ttl)).c_str(), sum);
    }
}
