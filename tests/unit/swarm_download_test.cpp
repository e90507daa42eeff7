// The rules of Download's theory of operation, each by its number.
#include "swarm_scene.hpp"

#include <algorithm>

using namespace shoal;
using namespace shoal::swarm;

namespace {

std::size_t count_of(const std::string& picture, char c) {
    return static_cast<std::size_t>(std::count(picture.begin(), picture.end(), c));
}

}  // namespace

TEST_CASE("an unknown source is asked for one chunk's worth at a time") {
    Scene scene(64, 4);
    scene.seed(1);
    scene.drain();
    REQUIRE(scene.asks.size() == 2);
    CHECK(scene.asks[0].run.count == 4);
    CHECK(scene.asks[1].run.count == 4);
    CHECK(count_of(scene.draw(), 'a') == 8);
}

TEST_CASE("rule 1: a chunk goes from missing to active to held") {
    Scene scene(8, 4);
    scene.partial(1, "01");
    scene.drain();
    CHECK(scene.draw() == ".... aaaa");
    const Ask ask = scene.asks.at(0);
    scene.leaf_comes(ask, {4});
    CHECK(scene.draw() == ".... +aaa");
    CHECK_FALSE(scene.download.ready({1}));
    scene.leaf_comes(ask, {5});
    scene.leaf_comes(ask, {6});
    scene.leaf_comes(ask, {7});
    CHECK(scene.draw() == ".... ####");
    CHECK_FALSE(scene.download.complete());
    CHECK_FALSE(scene.download.has_useful_source());
    scene.download.handle_have({1}, {0}, 1);
    CHECK(scene.download.has_useful_source());
    scene.download.handle_done({1}, ask.ask, scene.now);
    scene.asks.clear();
    scene.drain();
    CHECK(scene.draw() == "aaaa ####");
    scene.answer(1);
    CHECK(scene.download.complete());
    CHECK_FALSE(scene.download.next_timeout());
}

TEST_CASE("rule 2: an active chunk is finished before another is opened") {
    Scene scene(32, 16);
    scene.partial(1, "10");
    scene.drain();
    CHECK(scene.draw() == "aaaaaaaa........ ................");
    scene.seed(2);
    scene.drain();
    CHECK(scene.draw() == "aaaaaaaabbbbbbbb ................");
}

TEST_CASE("rule 2: the rarest comes first") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Scene scene(16, 4, {.seed = seed});
        scene.partial(2, "1101");
        scene.partial(3, "1001");
        scene.download.pause(true);
        scene.drain();
        scene.seed(1);
        scene.leave(9);  // a stranger: nothing happens
        scene.download.pause(false);
        // One more source joins that may be asked for everything; the others look away.
        scene.download.handle_closing({2});
        scene.download.handle_closing({3});
        scene.drain();
        REQUIRE(scene.asks.size() == 2);
        CHECK(scene.asks[0].run.first.value / 4 == 2);
        CHECK(scene.asks[1].run.first.value / 4 == 1);
    }
}

TEST_CASE("rule 2: equals come in random order, by the seed") {
    std::set<std::uint64_t> firsts;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        Scene scene(64, 4, {.seed = seed});
        scene.seed(1);
        scene.drain();
        firsts.insert(scene.asks.at(0).run.first.value);
    }
    CHECK(firsts.size() >= 8);
}

TEST_CASE("rule 2: a fast source gets long runs that start at multiples of their length") {
    Scene scene(4096, 4);
    scene.seed(1);
    scene.drain();
    std::size_t requests = 0;
    while (!scene.download.complete()) {
        scene.wait(std::chrono::microseconds(700));
        scene.answer(1);
        ++requests;
    }
    CHECK(requests < 4096 / 64 + 30);
}

TEST_CASE("rule 3: a leaf is asked of one source at a time") {
    Scene scene(64, 4);
    scene.seed(1);
    scene.seed(2);
    scene.seed(3);
    scene.drain();
    const std::string picture = scene.draw();
    CHECK(count_of(picture, 'a') == 8);
    CHECK(count_of(picture, 'b') == 8);
    CHECK(count_of(picture, 'c') == 8);
}

TEST_CASE(
    "rule 3: in the endgame an idle source doubles what a silent one owes; the loser is "
    "cancelled") {
    Scene scene(16, 4);
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    while (!scene.asked_of(2).empty()) {
        scene.wait(std::chrono::milliseconds(5));
        if (!scene.asked_of(2).empty()) {
            scene.answer(2);
        }
    }
    CHECK(count_of(scene.draw(), 'a') == 8);  // too early to tell that source 1 is slow
    for (int turn = 0; turn < 30 && scene.asked_of(2).empty(); ++turn) {
        scene.wait(std::chrono::milliseconds(10));
    }
    CHECK(count_of(scene.draw(), 'B') > 0);
    while (!scene.asked_of(2).empty()) {
        scene.answer(2);
        scene.wait(std::chrono::milliseconds(5));
    }
    CHECK(scene.download.complete());
    CHECK(scene.cancelled.size() == 2);
    CHECK(scene.download.duplicate_leaves() == 0);
}

TEST_CASE("rule 4: outstanding data is bounded, and shared by rate") {
    Scene scene(65536, 4, {.outstanding_bytes = 1536 * 1024});
    for (std::uint32_t source = 1; source <= 30; ++source) {
        scene.seed(source);
    }
    scene.drain();
    // Every source sends 100 leaves a second, source 1 ten times as much.
    std::map<std::uint64_t, std::uint32_t> sent;
    for (int ms = 0; ms < 3000; ms += 1) {
        scene.now += std::chrono::milliseconds(1);
        for (std::uint32_t source = 1; source <= 30; ++source) {
            const bool turn = source == 1 ? true : (ms + static_cast<int>(source)) % 10 == 0;
            const auto owed = scene.asked_of(source);
            if (!turn || owed.empty()) {
                continue;
            }
            const Ask ask = owed[0];
            std::uint32_t& at = sent[ask.ask.value];
            scene.download.handle_leaf(ask.source, ask.ask, {ask.run.first.value + at}, scene.now);
            if (++at == ask.run.count) {
                std::erase_if(scene.asks, [&](const Ask& a) { return a.ask == ask.ask; });
                scene.download.handle_done(ask.source, ask.ask, scene.now);
            }
        }
        while (const auto action = scene.download.poll(scene.now)) {
            scene.asks.push_back(std::get<Ask>(*action));
        }
    }
    std::size_t total = 0;
    for (std::uint32_t source = 1; source <= 30; ++source) {
        const std::size_t owed = scene.download.outstanding({source});
        CHECK(owed >= 1);
        total += owed;
    }
    CHECK(total * 16 * 1024 < 3 * 1536 * 1024);
    CHECK(scene.download.outstanding({1}) > 3 * scene.download.outstanding({2}));
    CHECK(scene.download.rate({1}, scene.now) == Approx(1000.0 * 16384).epsilon(0.1));
    CHECK(scene.download.rate({2}, scene.now) == Approx(100.0 * 16384).epsilon(0.1));
}

TEST_CASE("rule 5: a stalled source's runs are given to others, and it is probed with one leaf") {
    Scene scene(4096, 4);
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    const auto owed = scene.asked_of(1);
    REQUIRE(owed.size() == 2);
    for (int turn = 0; turn < 20; ++turn) {
        scene.wait(std::chrono::milliseconds(100));
        scene.answer(2);
    }
    REQUIRE(scene.cancelled.size() >= 2);
    CHECK(scene.cancelled[0].source.value == 1);
    for (const Ask& probe : scene.asked_of(1)) {
        CHECK(probe.run.count == 1);
    }
    CHECK(scene.asked_of(1).size() <= 1);

    SECTION("a late leaf that is here already is a duplicate") {
        scene.run_to_end();
        const Ask late = owed[0];
        CHECK(scene.leaf_comes(late, late.run.first) == Verdict::duplicate);
        CHECK(scene.download.duplicate_leaves() == 1);
    }
    SECTION("and the file completes without it") {
        while (!scene.download.complete()) {
            scene.wait(std::chrono::milliseconds(1));
            if (!scene.asked_of(2).empty()) {
                scene.answer(2);
            }
        }
    }
}

TEST_CASE("rule 5: a late leaf that is still missing is welcome and ends the rest") {
    Scene scene(8, 4);
    scene.seed(1);
    scene.drain();
    const auto owed = scene.asked_of(1);
    REQUIRE(owed.size() == 2);
    scene.wait(std::chrono::seconds(2));
    REQUIRE(scene.asks.empty());
    CHECK(scene.draw() == ".... ....");
    CHECK(scene.leaf_comes(owed[0], owed[0].run.first) == Verdict::wanted);
    scene.drain();
    CHECK(scene.asked_of(1).size() == 1);
    for (std::uint64_t leaf = 1; leaf < 4; ++leaf) {
        scene.leaf_comes(owed[0], {owed[0].run.first.value + leaf});
    }
    CHECK(scene.draw().find("####") != std::string::npos);
    scene.run_to_end();
    CHECK(scene.download.complete());
}

TEST_CASE("rule 5: a source that rests is probed again at growing intervals") {
    Scene scene(8, 4);
    scene.seed(1);
    scene.drain();
    std::vector<TimePoint> probes;
    for (int ms = 0; ms < 60000; ms += 50) {
        const std::size_t before = scene.cancelled.size() + scene.asks.size();
        scene.wait(std::chrono::milliseconds(50));
        if (scene.cancelled.size() + scene.asks.size() > before && ms > 0) {
            probes.push_back(scene.now);
        }
    }
    REQUIRE(probes.size() >= 4);
    CHECK(probes.size() < 20);
    CHECK(probes[2] - probes[1] > probes[1] - probes[0]);
}

TEST_CASE("rule 6: a bad chunk of one sender drops that sender") {
    Scene scene(16, 4);
    scene.bad = {{2}};
    scene.partial(1, "0010");
    scene.drain();
    scene.answer(1);
    CHECK(scene.senders == std::vector<SourceId>{{1}});
    CHECK(scene.dropped == std::set<SourceId>{{1}});
    CHECK(scene.draw() == ".... .... .... ....");
    scene.seed(1);  // banned for ever
    scene.drain();
    CHECK(scene.asks.empty());
    scene.bad.clear();
    scene.seed(2);
    scene.run_to_end();
    CHECK(scene.download.complete());
}

TEST_CASE("rule 6: several senders: fetched again from one alone, the liar is found at once more") {
    Scene scene(16, 16);
    scene.bad = {{0}};
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    CHECK(scene.draw() == "aaaabbbbaaaabbbb");
    scene.answer(1);
    scene.answer(1);
    scene.answer(2);
    scene.answer(2);
    CHECK(scene.senders == std::vector<SourceId>{{1}, {2}});
    CHECK(scene.dropped.empty());
    const std::string picture = scene.draw();
    CHECK((count_of(picture, 'a') == 0 || count_of(picture, 'b') == 0));
    CHECK(count_of(picture, '.') < 16);
    scene.run_to_end();  // it stays bad: the one who sent it alone is dropped, then the other
    CHECK(scene.dropped.size() == 2);
    CHECK_FALSE(scene.download.complete());
}

TEST_CASE("rule 6: leaf hashes name the liar; the others stay") {
    Scene scene(32, 16);
    scene.bad = {{0}};
    scene.partial(1, "10");
    scene.partial(2, "10");
    scene.drain();
    scene.answer(1);
    scene.answer(1);
    scene.answer(2);
    const auto last = scene.asked_of(2).at(0);
    for (LeafIndex leaf = last.run.first; leaf < last.run.end(); ++leaf) {
        if (leaf.value + 1 == last.run.end().value) {
            CHECK(scene.download.senders({0}).empty());
        }
        scene.leaf_comes(last, leaf);
    }
    CHECK(scene.senders.size() == 2);
    scene.bad.clear();
    scene.download.handle_liar({2});
    std::erase_if(scene.asks, [](const Ask& ask) { return ask.source.value == 2; });
    scene.seed(3);
    scene.run_to_end();
    CHECK(scene.dropped == std::set<SourceId>{{2}});
    CHECK(scene.download.complete());
}

TEST_CASE("rule 7: each end of an ask frees its leaves") {
    Scene scene(16, 4);
    scene.seed(1);
    scene.drain();
    REQUIRE(scene.asks.size() == 2);

    SECTION("refused: not held clears the chunk for that source until a new have") {
        const std::uint32_t first = static_cast<std::uint32_t>(scene.asks[0].run.first.value / 4);
        scene.refuse(1, Refusal::not_held);
        scene.run_to_end();
        CHECK(count_of(scene.draw(), '#') == 12);
        CHECK_FALSE(scene.download.held().test(first));
        scene.download.handle_have({1}, {first}, 1);
        scene.run_to_end();
        CHECK(scene.download.complete());
    }
    SECTION("refused: busy backs off, then asks for little") {
        scene.refuse(1, Refusal::busy);
        scene.refuse(1, Refusal::busy);
        CHECK(scene.asks.empty());
        scene.wait(std::chrono::milliseconds(150));
        CHECK(scene.asks.empty());
        REQUIRE(scene.download.next_timeout());
        scene.wait(std::chrono::milliseconds(60));
        REQUIRE(scene.asks.size() == 1);
        CHECK(scene.asks[0].run.count == 1);
        scene.refuse(1, Refusal::busy);
        scene.wait(std::chrono::milliseconds(350));
        CHECK(scene.asks.empty());
        scene.wait(std::chrono::milliseconds(60));
        CHECK(scene.asks.size() == 1);
        scene.run_to_end();
        CHECK(scene.download.complete());
    }
    SECTION("refused: gone ends the source") {
        scene.refuse(1, Refusal::gone);
        scene.asks.clear();
        CHECK_FALSE(scene.download.has_useful_source());
        CHECK(count_of(scene.draw(), '.') == 16);
        CHECK_FALSE(scene.download.poll(scene.now + std::chrono::seconds(10)));
    }
    SECTION("the source goes") {
        scene.leave(1);
        CHECK(count_of(scene.draw(), '.') == 16);
        scene.seed(2);
        scene.run_to_end();
        CHECK(scene.download.complete());
    }
    SECTION("done, but not whole") {
        const Ask ask = scene.asks[0];
        scene.leaf_comes(ask, ask.run.first);
        scene.asks.erase(scene.asks.begin());
        scene.download.handle_done({1}, ask.ask, scene.now);
        scene.run_to_end();
        CHECK(scene.download.complete());
    }
}

TEST_CASE("a run of several chunks that is refused is asked for chunk by chunk") {
    Scene scene(1024, 4);
    scene.seed(1);
    scene.drain();
    while (scene.asks.back().run.count <= 4) {
        scene.wait(std::chrono::milliseconds(1));
        scene.answer(1);
    }
    while (scene.asks.front().run.count <= 4) {
        scene.answer(1);
    }
    scene.refuse(1, Refusal::not_held);
    scene.run_to_end();
    CHECK(scene.download.complete());
}

TEST_CASE("strangers, other leaves and repeated ones are not wanted") {
    Scene scene(16, 4);
    scene.seed(1);
    scene.drain();
    const Ask ask = scene.asks.at(0);
    CHECK(scene.download.handle_leaf({7}, ask.ask, ask.run.first, scene.now) == Verdict::unknown);
    CHECK(scene.download.handle_leaf({1}, {999}, ask.run.first, scene.now) == Verdict::unknown);
    CHECK(scene.download.handle_leaf({1}, ask.ask, ask.run.end(), scene.now) == Verdict::unknown);
    CHECK(scene.leaf_comes(ask, ask.run.first) == Verdict::wanted);
    CHECK(scene.leaf_comes(ask, ask.run.first) == Verdict::unknown);
    CHECK(scene.download.outstanding({1}) == 7);
    CHECK(scene.download.outstanding({7}) == 0);
}

TEST_CASE("pause stops asking, not arriving; closing drains") {
    Scene scene(256, 4);
    scene.seed(1);
    scene.drain();
    scene.download.pause(true);
    scene.answer(1);
    scene.answer(1);
    CHECK(scene.asks.empty());
    CHECK(count_of(scene.draw(), '#') == 8);
    scene.download.pause(false);
    scene.drain();
    CHECK(!scene.asks.empty());
    scene.download.handle_closing({1});
    while (!scene.asks.empty()) {
        scene.answer(1);
    }
    CHECK_FALSE(scene.download.has_useful_source());
    CHECK_FALSE(scene.download.complete());
}

TEST_CASE("what is held from before is not asked for") {
    Bitmap held(4);
    held.set(0);
    held.set(3);
    Download download({14, 4}, held, {});
    const TimePoint now{};
    download.handle_source({1}, now);
    download.handle_holds_all({1});
    std::set<std::uint64_t> firsts;
    while (const auto action = download.poll(now)) {
        firsts.insert(std::get<Ask>(*action).run.first.value);
    }
    CHECK(firsts == std::set<std::uint64_t>{4, 8});
}

TEST_CASE("a rate limit of the shell makes no source look stalled") {
    Scene scene(64, 4);
    scene.download.set_rate_limit(4096);  // a leaf takes 4 s
    scene.seed(1);
    scene.drain();
    scene.wait(std::chrono::seconds(10));
    CHECK(scene.cancelled.empty());
    CHECK(scene.asks.size() == 2);
}

TEST_CASE("a file of one short chunk") {
    Scene scene(1, 4);
    scene.seed(1);
    scene.run_to_end();
    CHECK(scene.draw() == "#");
    CHECK(scene.download.complete());
}
