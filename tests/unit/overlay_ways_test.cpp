// Ways: how near hosts are by the paths of all hits together.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "search_scene.hpp"
#include "shoal/overlay/ways.hpp"

using namespace shoal;
using namespace shoal::overlay;
using namespace shoal::overlay::scene;

namespace {

struct Case {
    std::string what;
    std::vector<int> neighbours;
    std::vector<std::vector<int>> paths;  // as in hits: the holder first
    int host;
    std::vector<int> way;  // the neighbour first
};

const std::vector<Case> cases{
    {"nothing is known", {}, {}, 5, {}},
    {"one path, backwards", {}, {{5, 4, 3}}, 5, {3, 4, 5}},
    {"a neighbour is one hop away, whichever way its answer came", {5}, {{5, 4, 3}}, 5, {5}},
    {"who sent hits here is a neighbour", {}, {{3}, {4, 3, 2}}, 3, {3}},
    {"the shorter one of two paths", {}, {{5, 4, 3, 2}, {5, 6}}, 5, {6, 5}},
    {"the end of one and the beginning of another", {}, {{5, 4, 3, 2}, {7, 4}}, 5, {4, 5}},
    {"a neighbour in the middle of a path", {3}, {{5, 4, 3, 2, 1}}, 5, {3, 4, 5}},
    {"what lies beyond a neighbour is beyond it", {9}, {{5, 9, 3}}, 5, {9, 5}},
    {"links go one way", {5}, {{5, 4, 3}}, 4, {3, 4}},
    {"of equal ones that by the lower addresses", {}, {{5, 8}, {5, 6}, {5, 7}}, 5, {6, 5}},
    {"a path in a circle", {}, {{5, 4, 5, 4, 3}}, 5, {3, 4, 5}},
};

std::vector<HostAddress> addresses(const std::vector<int>& hosts) {
    std::vector<HostAddress> list;
    std::transform(hosts.begin(), hosts.end(), std::back_inserter(list), address_of);
    return list;
}

}  // namespace

TEST_CASE("the shortest way that is known does not depend on which hit came first",
          "[overlay][ways]") {
    for (const Case& one : cases) {
        CAPTURE(one.what);
        auto paths = one.paths;
        std::sort(paths.begin(), paths.end());
        do {
            Ways ways;
            for (const auto& path : paths) {
                ways.add_path(addresses(path));
            }
            for (const int neighbour : one.neighbours) {
                ways.add_neighbour(address_of(neighbour));
            }
            CHECK(ways.to(address_of(one.host)) == addresses(one.way));
        } while (std::next_permutation(paths.begin(), paths.end()));
    }
}

TEST_CASE("a way that was asked for is found anew when more is known", "[overlay][ways]") {
    Ways ways;
    ways.add_path(addresses({5, 4, 3}));
    CHECK(ways.to(address_of(5)).size() == 3);
    ways.add_path(addresses({5, 6}));
    CHECK(ways.to(address_of(5)).size() == 2);
    ways.add_neighbour(address_of(5));
    CHECK(ways.to(address_of(5)).size() == 1);
}

TEST_CASE("the map is bounded, its ways do not break off", "[overlay][ways]") {
    Ways ways;
    for (int n = 2; n <= static_cast<int>(Ways::links_max) + 10; ++n) {
        ways.add_path(addresses({n + 1, 1}));
    }
    CHECK(ways.to(address_of(3)) == addresses({1, 3}));
    CHECK(ways.to(address_of(static_cast<int>(Ways::links_max) + 11)).empty());
    ways.add_neighbour(address_of(static_cast<int>(Ways::links_max) + 11));
    CHECK(ways.to(address_of(static_cast<int>(Ways::links_max) + 11)).size() == 1);
}
