// The rules of Download's theory of operation, each by its number; what goes wrong is in
// swarm_download_faults_test.cpp.
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

TEST_CASE("an ask whose leaves are all here is not cancelled when the file is complete") {
    Scene scene(4, 4);
    scene.seed(1);
    scene.drain();
    const Ask ask = scene.asks.at(0);
    for (LeafIndex leaf = ask.run.first; leaf < ask.run.end(); ++leaf) {
        scene.leaf_comes(ask, leaf);
    }
    CHECK(scene.download.complete());
    scene.drain();
    CHECK(scene.cancelled.empty());
}
