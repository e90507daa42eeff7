// The rules of Download's theory of operation for what goes wrong: stalls, bad chunks,
// refusals, strangers.
#include <algorithm>

#include "../support/liveness.hpp"
#include "swarm_scene.hpp"

using namespace shoal;
using namespace shoal::swarm;

namespace {

std::size_t count_of(const std::string& picture, char c) {
    return static_cast<std::size_t>(std::count(picture.begin(), picture.end(), c));
}

}  // namespace

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
    Scene scene(64, 4);
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    const auto owed = scene.asked_of(1);
    REQUIRE(owed.size() == 2);
    scene.wait(std::chrono::seconds(2));
    REQUIRE(scene.asked_of(1).empty());
    const LeafIndex first = owed[0].run.first;
    CHECK(scene.draw().at(first.value + first.value / 4) == '.');
    CHECK(scene.leaf_comes(owed[0], first) == Verdict::wanted);
    scene.drain();
    CHECK_FALSE(scene.asked_of(1).empty());
    for (std::uint64_t leaf = 1; leaf < 4; ++leaf) {
        scene.leaf_comes(owed[0], {first.value + leaf});
    }
    CHECK(scene.draw().find("####") != std::string::npos);
    scene.run_to_end();
    CHECK(scene.download.complete());
}

TEST_CASE("rule 5: a source that rests is probed again at growing intervals") {
    Scene scene(16'000, 4);
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    std::vector<TimePoint> probes;
    AskId last{};
    for (int ms = 0; ms < 60000; ms += 250) {
        scene.wait(std::chrono::milliseconds(250));
        scene.answer(2);
        const auto asked = scene.asked_of(1);
        if (ms > 0 && !asked.empty() && asked.back().ask != last) {
            probes.push_back(scene.now);
            last = asked.back().ask;
        }
    }
    REQUIRE(probes.size() >= 4);
    CHECK(probes.size() < 20);
    CHECK(probes[3] - probes[2] > probes[2] - probes[1]);
}

TEST_CASE("rule 5: a silent source that nobody can stand in for is waited for") {
    Scene scene(8, 4);
    scene.seed(1);
    scene.drain();
    REQUIRE(scene.asked_of(1).size() == 2);
    scene.wait(std::chrono::seconds(60));
    CHECK(scene.cancelled.empty());
    CHECK(scene.asked_of(1).size() == 2);
}

TEST_CASE("rule 5: where the own link is slow, nobody who waits for his turn on it is stalled") {
    constexpr std::uint32_t sources = 40;
    Scene scene(640, 4);
    for (std::uint32_t source = 1; source <= sources; ++source) {
        scene.seed(source);
    }
    scene.drain();
    for (std::uint32_t turn = 0; turn < 600; ++turn) {
        scene.wait(std::chrono::milliseconds(300));  // a leaf, of whoever has his turn
        std::uint32_t source = 1 + turn % sources;
        while (scene.asked_of(source).empty()) {
            source = 1 + source % sources;
        }
        scene.next_leaf(source);
    }
    CHECK(scene.cancelled.empty());
    scene.run_to_end();
    CHECK(scene.download.complete());
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

TEST_CASE("rule 6: a chunk to be fetched alone is not passed to and fro for ever") {
    Scene scene(8, 8);
    scene.bad = {{0}};
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    scene.answer(1);
    scene.answer(2);
    REQUIRE(scene.senders.size() == 2);
    scene.bad.clear();
    scene.leave(1);
    scene.leave(2);
    scene.seed(3);  // never answers
    scene.seed(4);  // takes 1.5 s
    scene.drain();
    Duration busy{};
    for (int turn = 0; !scene.download.complete() && turn < 6000; ++turn) {
        scene.wait(std::chrono::milliseconds(10));
        busy = scene.asked_of(4).empty() ? Duration{} : busy + std::chrono::milliseconds(10);
        while (busy >= std::chrono::milliseconds(1500) && !scene.asked_of(4).empty()) {
            scene.answer(4);
        }
    }
    CHECK(scene.download.complete());
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

TEST_CASE("cancelled without a cancel, or not held again and again, is answered by a pause") {
    for (const Refusal why : {Refusal::cancelled, Refusal::not_held}) {
        Scene scene(4096, 4);
        scene.seed(1);
        int asked = 0;
        const TimePoint end = scene.now + std::chrono::seconds(10);
        while (scene.now < end) {
            scene.wait(std::chrono::milliseconds(1));
            while (!scene.asks.empty() && asked < 10'000) {
                const std::uint32_t chunk =
                    static_cast<std::uint32_t>(scene.asks[0].run.first.value / 4);
                scene.refuse(1, why);
                scene.download.handle_have({1}, {chunk}, 1);  // and yet it says that it has it
                scene.drain();
                ++asked;
            }
        }
        CHECK(asked > 3);
        CHECK(asked < 200);
    }
}

TEST_CASE("a source that says what it has said already costs nothing", "[bounds]") {
    Scene scene(4 * 262'144, 4);
    scene.partial(1, "0");
    scene.download.handle_have({1}, {0}, 262'143);
    const TimePoint began = steady_now();
    for (int i = 0; i < 20'000; ++i) {
        scene.download.handle_have({1}, {0}, 262'143);
    }
    // By a walk over the chunks this takes ten seconds.
    CHECK(steady_now() - began < test::liveness(std::chrono::seconds(2)));
}
