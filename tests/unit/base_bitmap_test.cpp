#include <catch2/catch.hpp>
#include <set>

#include "shoal/base/bitmap.hpp"
#include "shoal/base/random.hpp"

using namespace shoal;
using Bytes = std::vector<std::uint8_t>;

TEST_CASE("the wire form has chunk 0 in the top bit and zeros to spare", "[base]") {
    Bitmap bitmap(11);
    CHECK(bitmap.wire() == Bytes{0x00, 0x00});
    CHECK(bitmap.set(0));
    CHECK(bitmap.set(7));
    CHECK(bitmap.set(8));
    CHECK(bitmap.set(10));
    CHECK(bitmap.wire() == Bytes{0x81, 0xA0});
    CHECK(Bitmap(11, true).wire() == Bytes{0xFF, 0xE0});
    CHECK(Bitmap(16, true).wire() == Bytes{0xFF, 0xFF});
    CHECK(Bitmap(11, true).all());
    CHECK(Bitmap(0).wire().empty());
    CHECK(Bitmap(0, true).all());
}

TEST_CASE("from_wire takes the exact length with clear spare bits only", "[base]") {
    const auto bitmap = Bitmap::from_wire(Bytes{0x81, 0xA0}, 11);
    REQUIRE(bitmap);
    CHECK(bitmap->count() == 4);
    CHECK(bitmap->test(10));
    CHECK_FALSE(bitmap->test(9));
    CHECK(Bitmap::from_wire(Bytes{}, 0));
    CHECK_FALSE(Bitmap::from_wire(Bytes{0x81}, 11));
    CHECK_FALSE(Bitmap::from_wire(Bytes{0x81, 0xA0, 0}, 11));
    CHECK_FALSE(Bitmap::from_wire(Bytes{0x81, 0xB0}, 11));
    CHECK_FALSE(Bitmap::from_wire(Bytes{0x00}, 0));
    CHECK_FALSE(Bitmap::from_wire(Bytes{}, SIZE_MAX));
}

TEST_CASE("a bitmap does what a set of numbers does", "[base]") {
    SmallRandom random(3);
    for (std::size_t size : {1U, 7U, 8U, 9U, 64U, 1000U}) {
        Bitmap bitmap(size);
        std::set<std::size_t> model;
        for (int step = 0; step < 2000; ++step) {
            const std::size_t index = random.below(size);
            if (random.below(2) == 0) {
                REQUIRE(bitmap.set(index) == model.insert(index).second);
            } else {
                REQUIRE(bitmap.clear(index) == (model.erase(index) == 1));
            }
            REQUIRE(bitmap.count() == model.size());
            REQUIRE(bitmap.test(index) == model.contains(index));
        }
        const auto copy = Bitmap::from_wire(bitmap.wire(), size);
        REQUIRE(copy);
        CHECK(*copy == bitmap);
    }
}

TEST_CASE("the next clear flag is found as by looking at each", "[base]") {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 64U, 65U, 200U, 1000U}) {
        Bitmap bitmap(size, true);
        CHECK(bitmap.next_clear(0) == size);
        SmallRandom random(size);
        for (int holes = 0; holes < 6 && size > 0; ++holes) {
            bitmap.clear(random.below(size));
            for (std::size_t from = 0; from <= size; ++from) {
                std::size_t expected = from;
                while (expected < size && bitmap.test(expected)) {
                    ++expected;
                }
                REQUIRE(bitmap.next_clear(from) == expected);
            }
        }
    }
}
