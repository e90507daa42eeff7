#include <catch2/catch.hpp>

#include <deque>

#include "shoal/base/byte_queue.hpp"
#include "shoal/base/random.hpp"

namespace shoal {
namespace {

TEST_CASE("what has gone leaves memory though the queue is never empty", "[base][queue]") {
    ByteQueue queue;
    const std::vector<std::uint8_t> page(64 * 1024, 7);
    queue.append(page);
    for (int turn = 0; turn < 10'000; ++turn) {  // 640 MiB in all
        queue.append(page);
        queue.consume(page.size());
        REQUIRE(queue.size() == page.size());
        REQUIRE(queue.memory() <= 512 * 1024);
    }
    queue.consume(page.size());
    CHECK(queue.empty());
    CHECK(queue.memory() == 0);
}

TEST_CASE("a byte queue does what a queue of bytes does", "[base][queue]") {
    ByteQueue queue;
    std::deque<std::uint8_t> model;
    SmallRandom random(1);
    for (int turn = 0; turn < 300; ++turn) {
        std::vector<std::uint8_t> more(random.below(90'000));
        for (auto& byte : more) {
            byte = static_cast<std::uint8_t>(random.below(256));
        }
        if (random.below(2) == 0) {
            queue.append(more);
        } else {
            std::copy(more.begin(), more.end(), queue.extend(more.size()).begin());
        }
        model.insert(model.end(), more.begin(), more.end());
        const auto gone = random.below(model.size() + 1);
        queue.consume(gone);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(gone));
        REQUIRE(queue.size() == model.size());
        if (turn % 20 == 0) {
            REQUIRE(std::equal(model.begin(), model.end(), queue.waiting().begin()));
        }
        REQUIRE(queue.empty() == model.empty());
        if (model.size() > 1'000'000) {
            queue.consume(model.size());
            model.clear();
        }
    }
}

}  // namespace
}  // namespace shoal
