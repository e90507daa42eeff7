// What makes crowds fast: first copies, substitutes, announcements.
#include <catch2/catch.hpp>

#include <set>

#include "shoal/swarm/announcer.hpp"
#include "shoal/swarm/first_copies.hpp"
#include "swarm_scene.hpp"

using namespace shoal;
using namespace shoal::swarm;

namespace {

const auto welcome = [](LeafRun) { return false; };
const TimePoint start{std::chrono::seconds(1000)};

}  // namespace

TEST_CASE("each chunk is sent once before any is sent twice") {
    FirstCopies copies({38, 4}, 1);  // ten chunks, the last of two leaves
    std::set<std::uint64_t> sent;
    while (copies.never_sent() > 0) {
        const LeafRun run = copies.substitute({{0}, 4}, welcome);
        CHECK(run.first.value % 4 == 0);
        CHECK(run.count == (run.first.value == 36 ? 2 : 4));
        CHECK(sent.insert(run.first.value).second);
    }
    CHECK(sent.size() == 10);
    CHECK(copies.substitute({{8}, 4}, welcome) == LeafRun{{8}, 4});
}

TEST_CASE("what was never sent is sent as asked; parts of chunks are, too") {
    FirstCopies copies({40, 4}, 1);
    CHECK(copies.substitute({{12}, 4}, welcome) == LeafRun{{12}, 4});
    CHECK(copies.substitute({{12}, 2}, welcome) == LeafRun{{12}, 2});
    CHECK(copies.never_sent() == 9);
    copies.handle_sent({{0}, 8});
    CHECK(copies.never_sent() == 7);
}

TEST_CASE("a substitute is no longer than what was asked for, and not what is unwelcome") {
    FirstCopies copies({40, 4}, 1);
    copies.handle_sent({{0}, 8});
    const auto only_last = [](LeafRun run) { return run.first.value != 36; };
    CHECK(copies.substitute({{0}, 8}, only_last) == LeafRun{{36}, 4});
    const auto nothing = [](LeafRun) { return true; };
    CHECK(copies.substitute({{0}, 8}, nothing) == LeafRun{{0}, 8});
    CHECK(copies.substitute({{0}, 8}, welcome).count <= 8);
}

TEST_CASE("the first news goes at once, what follows goes together") {
    Announcer news;
    CHECK(news.poll(10, false, start).empty());
    CHECK_FALSE(news.next_timeout());
    news.handle_have({{3}, 1});
    CHECK(news.poll(10, false, start).size() == 1);
    news.handle_have({{4}, 1});
    news.handle_have({{5}, 2});
    news.handle_have({{9}, 1});
    CHECK(news.poll(10, false, start + 79ms).empty());
    CHECK(news.next_timeout() == start + 80ms);
    const auto told = news.poll(10, false, start + 80ms);
    REQUIRE(told.size() == 2);
    CHECK(told[0].first == ChunkIndex{4});
    CHECK(told[0].count == 3);
    CHECK_FALSE(news.next_timeout());
}

TEST_CASE("news goes more often when little is missing, and no rarer than the longest gap") {
    Announcer news;
    const auto tells = [&](std::size_t subscribers, bool ending, TimePoint now) {
        news.handle_have({{1}, 1});
        return !news.poll(subscribers, ending, now).empty();
    };
    CHECK(tells(10, false, start));
    CHECK_FALSE(tells(10, false, start + 79ms));
    CHECK(tells(1000, false, start + 80ms));
    CHECK_FALSE(tells(1000, false, start + 179ms));
    CHECK(tells(10, true, start + 180ms));
    CHECK_FALSE(tells(10, true, start + 199ms));
    CHECK(tells(10, true, start + 200ms));

    CHECK_FALSE(Announcer::ends(7, 8));
    CHECK(Announcer::ends(8, 9));
    CHECK(Announcer::ends(701, 800));
    CHECK_FALSE(Announcer::ends(700, 800));
}

TEST_CASE("a substitute is allowed in a crowd only, and by a whole source") {
    Scene scene(64, 4);
    scene.seed(1);
    scene.drain();
    REQUIRE_FALSE(scene.asks.empty());
    CHECK_FALSE(scene.asks.front().substitute);
    Scene crowd(64, 4);
    crowd.seed(1);
    crowd.partial(2, "1100000000000000");
    crowd.drain();
    REQUIRE_FALSE(crowd.asked_of(1).empty());
    REQUIRE_FALSE(crowd.asked_of(2).empty());
    CHECK(crowd.asked_of(1).front().substitute);
    CHECK_FALSE(crowd.asked_of(2).front().substitute);
}

TEST_CASE("the mark moves to what comes instead, and what was asked for is free again") {
    Scene scene(64, 4);
    scene.seed(1);
    scene.partial(2, "0000000000000000");
    scene.drain();
    const Ask ask = scene.asked_of(1).at(0);
    const auto other = [&] {
        std::set<std::uint64_t> asked;
        for (const Ask& each : scene.asks) {
            asked.insert(each.run.first.value);
        }
        LeafRun run{{0}, 4};
        while (asked.contains(run.first.value)) {
            run.first.value += 4;
        }
        return run;
    }();
    scene.download.handle_substituted(ask.source, ask.ask, other);
    scene.download.check_invariants();
    for (LeafIndex leaf = other.first; leaf < other.end(); ++leaf) {
        CHECK(scene.download.handle_leaf(ask.source, ask.ask, leaf, scene.now) == Verdict::wanted);
    }
    CHECK(scene.download.ready(scene.shape.chunk_of(other.first)));
    scene.download.handle_done(ask.source, ask.ask, scene.now);
    scene.download.check_invariants();
    // Both the other one and what had been asked for can still be fetched.
    scene.download.handle_verified(scene.shape.chunk_of(other.first));
    scene.drain();
    CHECK(scene.download.handle_leaf(ask.source, ask.ask, ask.run.first, scene.now) ==
          Verdict::unknown);
}

TEST_CASE("a source whose substitute is here already is asked plainly from then on") {
    Scene scene(64, 4);
    scene.seed(1);
    scene.partial(2, "0000000000000000");
    scene.drain();
    scene.answer(1);
    const LeafRun held{{0}, 4};
    scene.download.handle_verified(scene.shape.chunk_of(held.first));
    scene.drain();
    const Ask next = scene.asked_of(1).at(0);
    scene.download.handle_substituted(next.source, next.ask, held);
    scene.download.check_invariants();
    CHECK(scene.download.handle_leaf(next.source, next.ask, held.first, scene.now) ==
          Verdict::duplicate);
    scene.download.handle_done(next.source, next.ask, scene.now);
    std::erase_if(scene.asks, [&](const Ask& ask) { return ask.ask == next.ask; });
    const std::size_t before = scene.asks.size();
    scene.drain();
    REQUIRE(scene.asks.size() > before);
    CHECK_FALSE(scene.asks.back().substitute);
}
