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

using Told = std::vector<std::uint64_t>;  // clients

Told told(Announcer& news, bool ending, TimePoint now) {
    Told clients;
    for (const Announcer::Notice& notice : news.poll(ending, now)) {
        clients.push_back(notice.to.client.value);
    }
    return clients;
}

// The clients 1 to `count`.
Announcer with_subscribers(std::uint64_t count) {
    Announcer news;
    for (std::uint64_t client = 1; client <= count; ++client) {
        news.subscribe({{client}, 1});
    }
    return news;
}

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
    news.subscribe({{1}, 7});
    news.handle_have({{3}, 1});
    CHECK(told(news, false, start) == Told{{1}});
    CHECK_FALSE(news.next_timeout());
    news.handle_have({{4}, 1});
    news.handle_have({{5}, 2});
    news.handle_have({{9}, 1});
    CHECK(told(news, false, start + 7ms).empty());
    CHECK(news.next_timeout() == start + 8ms);
    const auto notices = news.poll(false, start + 8ms);
    REQUIRE(notices.size() == 1);
    CHECK(notices[0].to == Subscriber{{1}, 7});
    CHECK(notices[0].chunks == std::vector<ChunkSpan>{{{4}, 3}, {{9}, 1}});
    CHECK_FALSE(news.next_timeout());
}

TEST_CASE("news rides along with what its subscriber is sent, and then not by itself") {
    Announcer news = with_subscribers(10);
    news.subscribe({{2}, 5});
    news.handle_have({{1}, 1});
    CHECK(told(news, false, start).size() == 11);

    news.handle_have({{2}, 1});
    CHECK(news.take({2}, start + 50ms).size() == 2);
    CHECK(news.take({2}, start + 50ms).empty());
    CHECK(news.take({99}, start + 50ms).empty());
    CHECK(told(news, false, start + 88ms) == Told{1, 3, 4, 5, 6, 7, 8, 9, 10});

    news.handle_have({{3}, 1});
    CHECK(news.next_timeout() == start + 138ms);
    CHECK(told(news, false, start + 138ms) == Told{2, 2});
    CHECK(news.next_timeout() == start + 176ms);
}

TEST_CASE("who would be told soon is told with the one who is due") {
    Announcer news = with_subscribers(10);
    news.handle_have({{1}, 1});
    CHECK(news.take({1}, start).size() == 1);
    CHECK(news.take({2}, start + 20ms).size() == 1);
    CHECK(news.take({3}, start + 21ms).size() == 1);
    CHECK(told(news, false, start + 40ms).size() == 7);
    news.handle_have({{2}, 1});
    CHECK(told(news, false, start + 80ms) == Told{1, 2});
    CHECK(told(news, false, start + 101ms).size() == 8);
}

TEST_CASE("news goes more often when little is missing, and no rarer than the longest gap") {
    const auto tells = [](Announcer& news, bool ending, TimePoint now) {
        news.handle_have({{1}, 1});
        return !news.poll(ending, now).empty();
    };
    Announcer few = with_subscribers(10);
    CHECK(tells(few, false, start));
    CHECK_FALSE(tells(few, false, start + 79ms));
    CHECK(tells(few, false, start + 80ms));
    CHECK_FALSE(tells(few, true, start + 99ms));
    CHECK(tells(few, true, start + 100ms));
    Announcer many = with_subscribers(1000);
    CHECK(tells(many, false, start));
    CHECK_FALSE(tells(many, false, start + 199ms));
    CHECK(tells(many, false, start + 200ms));

    CHECK_FALSE(Announcer::ends(7, 8));
    CHECK(Announcer::ends(8, 9));
    CHECK(Announcer::ends(701, 800));
    CHECK_FALSE(Announcer::ends(700, 800));
}

TEST_CASE("who has left is told nothing, and who comes later nothing of what was before") {
    Announcer news;
    news.subscribe({{1}, 1});
    news.subscribe({{1}, 2});
    news.subscribe({{2}, 1});
    news.handle_have({{1}, 1});
    news.unsubscribe({{1}, 2});
    news.subscribe({{3}, 1});
    CHECK(told(news, false, start) == Told{1, 2});
    news.forget({1});
    news.handle_have({{2}, 1});
    CHECK(told(news, false, start + 1s) == Told{2, 3});
    CHECK(news.count() == 2);
    CHECK(news.subscribers() == std::vector<Subscriber>{{{2}, 1}, {{3}, 1}});
    news.forget({2});
    news.forget({3});
    CHECK_FALSE(news.next_timeout());
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
