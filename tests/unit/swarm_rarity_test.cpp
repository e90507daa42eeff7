#include "swarm/rarity.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <vector>

using namespace shoal;
using namespace shoal::swarm;

TEST_CASE("chunks stand in order of how many hold them") {
    Rarity rarity(5, 1);
    for (std::uint32_t chunk = 0; chunk < 5; ++chunk) {
        rarity.insert(chunk);
        for (std::uint32_t holder = 0; holder < 4 - chunk; ++holder) {
            rarity.raise(chunk);
        }
    }
    const auto order = rarity.rarest_first();
    CHECK(std::vector(order.begin(), order.end()) == std::vector<std::uint32_t>{4, 3, 2, 1, 0});
    CHECK(rarity.available().size() == 4);
    CHECK(rarity.available().front() == 3);
}

TEST_CASE("random changes keep the order and the counts") {
    SmallRandom random(7);
    for (int round = 0; round < 50; ++round) {
        Rarity rarity(40, random.next());
        std::set<std::uint32_t> in;
        std::map<std::uint32_t, std::uint32_t> level;
        for (int step = 0; step < 400; ++step) {
            const auto chunk = static_cast<std::uint32_t>(random.below(40));
            switch (random.below(4)) {
                case 0:
                    if (in.insert(chunk).second) {
                        rarity.insert(chunk);
                    }
                    break;
                case 1:
                    if (in.erase(chunk) > 0) {
                        rarity.erase(chunk);
                    }
                    break;
                case 2:
                    rarity.raise(chunk);
                    ++level[chunk];
                    break;
                default:
                    if (level[chunk] > 0) {
                        rarity.lower(chunk);
                        --level[chunk];
                    }
            }
            rarity.check_invariants();
            REQUIRE(rarity.size() == in.size());
            REQUIRE(rarity.contains(chunk) == in.contains(chunk));
            REQUIRE(rarity.level(chunk) == level[chunk]);
        }
    }
}

TEST_CASE("equals stand in no fixed order") {
    std::set<std::uint32_t> first;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Rarity rarity(10, seed);
        for (std::uint32_t chunk = 0; chunk < 10; ++chunk) {
            rarity.insert(chunk);
            rarity.raise(chunk);
        }
        first.insert(rarity.rarest_first().front());
    }
    CHECK(first.size() >= 5);
}
