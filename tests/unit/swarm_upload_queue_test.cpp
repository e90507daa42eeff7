#include "shoal/swarm/upload_queue.hpp"

#include <catch2/catch.hpp>

#include <string>

#include "shoal/base/random.hpp"

using namespace shoal;
using namespace shoal::swarm;

namespace {

const TimePoint now{std::chrono::seconds(1000)};

// "a1 a2 b1": requests 1 and 2 of client a, 1 of client b.
void push_all(UploadQueue& queue, const std::string& words, std::size_t most = 100) {
    for (std::size_t at = 0; at + 1 < words.size(); at += 3) {
        queue.push({{static_cast<std::uint64_t>(words[at])},
                    {static_cast<std::uint64_t>(words[at + 1] - '0')},
                    {{0}, 4}},
                   most, now);
    }
}

std::string drain(UploadQueue& queue) {
    std::string order;
    while (const auto item = queue.next(now)) {
        queue.set_writable(item->client, true);
        order += order.empty() ? "" : " ";
        order += static_cast<char>(item->client.value);
        order += static_cast<char>('0' + item->request.value);
    }
    return order;
}

}  // namespace

TEST_CASE("clients take turns, a client's requests go in order") {
    UploadQueue queue;
    push_all(queue, "a1 a2 a3 a4 b1 b2 c1");
    CHECK(queue.waiting() == 7);
    CHECK(queue.waiting({'a'}) == 4);
    CHECK(drain(queue) == "a1 b1 c1 a2 b2 a3 a4");
    CHECK(queue.waiting() == 0);
}

TEST_CASE("a client that cannot be written to keeps its place and holds up nobody") {
    UploadQueue queue;
    push_all(queue, "a1 a2 b1 b2");
    queue.set_writable({'a'}, false);
    CHECK(queue.next(now)->client.value == 'b');
    queue.set_writable({'b'}, true);
    queue.set_writable({'a'}, true);
    CHECK(drain(queue) == "a1 a2 b2");
    queue.set_writable({'a'}, false);
    push_all(queue, "a3");
    CHECK_FALSE(queue.next(now));
}

TEST_CASE("who was sent the least is served first, then who waits longest") {
    UploadQueue queue;
    push_all(queue, "a1 a2 a3");
    CHECK(drain(queue) == "a1 a2 a3");
    push_all(queue, "a4 a5 b1 b2 c1");
    CHECK(drain(queue) == "b1 c1 b2 a4 a5");
}

TEST_CASE("so many clients are served at a time, and one that is slow counts no longer") {
    UploadQueue queue({.served_max = 2, .patience = 250ms});
    push_all(queue, "a1 b1 c1 d1");
    CHECK(queue.next(now)->client.value == 'a');
    CHECK(queue.next(now)->client.value == 'b');
    CHECK_FALSE(queue.next(now));
    CHECK(queue.served(now) == 2);
    queue.set_writable({'b'}, true);
    CHECK(queue.next(now)->client.value == 'c');
    CHECK_FALSE(queue.next(now + 249ms));
    CHECK(queue.next_timeout(now + 1ms) == now + 250ms);
    CHECK_FALSE(queue.next_timeout(now + 250ms));
    CHECK(queue.next(now + 250ms)->client.value == 'd');
}

TEST_CASE("nobody waits for ever behind those who were sent less") {
    UploadQueue queue({.served_max = 1, .starved_after = 1s});
    push_all(queue, "a1 a2");
    CHECK(drain(queue) == "a1 a2");
    push_all(queue, "a3 b1");
    REQUIRE(queue.push({{'c'}, {1}, {{0}, 4}}, 9, now + 1s));
    CHECK(queue.next(now + 1s)->client.value == 'a');
}

TEST_CASE("it tells whether a client waits for some leaves") {
    UploadQueue queue;
    REQUIRE(queue.push({{'a'}, {1}, {{8}, 4}}, 9, now));
    CHECK(queue.waits_for({'a'}, {{11}, 4}));
    CHECK_FALSE(queue.waits_for({'a'}, {{12}, 4}));
    CHECK_FALSE(queue.waits_for({'b'}, {{8}, 4}));
}

TEST_CASE("what waits can be cancelled, once") {
    UploadQueue queue;
    push_all(queue, "a1 a2 b1");
    CHECK(queue.cancel({'a'}, {1}));
    CHECK_FALSE(queue.cancel({'a'}, {1}));
    CHECK_FALSE(queue.cancel({'z'}, {1}));
    CHECK(queue.cancel({'b'}, {1}));
    CHECK(queue.waiting({'b'}) == 0);
    CHECK(drain(queue) == "a2");
    CHECK_FALSE(queue.cancel({'a'}, {2}));
}

TEST_CASE("a client that goes takes its requests along") {
    UploadQueue queue;
    push_all(queue, "a1 b1 a2");
    const auto dropped = queue.forget({'a'});
    REQUIRE(dropped.size() == 2);
    CHECK(dropped[1].request.value == 2);
    CHECK(queue.forget({'a'}).empty());
    CHECK(queue.waiting() == 1);
    CHECK(drain(queue) == "b1");
}

TEST_CASE("a client has at most so many waiting") {
    UploadQueue queue;
    push_all(queue, "a1 a2 a3", 2);
    CHECK(queue.waiting() == 2);
    CHECK_FALSE(queue.push({{'a'}, {9}, {{0}, 1}}, 2, now));
    CHECK(queue.push({{'b'}, {9}, {{0}, 1}}, 2, now));
    CHECK(drain(queue) == "a1 b9 a2");
}

TEST_CASE("under random use nothing is lost, doubled, or out of order") {
    SmallRandom random(3);
    for (int round = 0; round < 50; ++round) {
        UploadQueue queue;
        std::map<std::uint64_t, std::deque<std::uint64_t>> model;
        std::size_t waiting = 0;
        for (std::uint64_t step = 1; step < 400; ++step) {
            const std::uint64_t client = random.below(5);
            auto& lane = model[client];
            switch (random.below(5)) {
                case 0:
                case 1:
                    if (queue.push({{client}, {step}, {{0}, 1}}, 6, now)) {
                        lane.push_back(step);
                    }
                    REQUIRE(lane.size() <= 6);
                    break;
                case 2:
                    if (!lane.empty()) {
                        const std::uint64_t victim = lane[random.below(lane.size())];
                        REQUIRE(queue.cancel({client}, {victim}));
                        std::erase(lane, victim);
                    }
                    break;
                case 3:
                    if (random.below(10) == 0) {
                        REQUIRE(queue.forget({client}).size() == lane.size());
                        lane.clear();
                    }
                    break;
                default:
                    if (const auto item = queue.next(now)) {
                        queue.set_writable(item->client, true);
                        auto& theirs = model[item->client.value];
                        REQUIRE(theirs.front() == item->request.value);
                        theirs.pop_front();
                    }
            }
            waiting = 0;
            for (const auto& [key, items] : model) {
                REQUIRE(queue.waiting({key}) == items.size());
                waiting += items.size();
            }
            REQUIRE(queue.waiting() == waiting);
        }
    }
}
