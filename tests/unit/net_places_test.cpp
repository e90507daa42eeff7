#include <catch2/catch.hpp>

#include "shoal/net/places.hpp"

namespace shoal::net {
namespace {

using Entry = Places::Entry;

Address at(const std::string& host) { return *Address::parse_numeric(host, 5000); }

TEST_CASE("an IPv6 address counts by its /64, and an IPv4 one by itself", "[net][places]") {
    CHECK(block_of(at("192.0.2.1")) == "192.0.2.1");
    CHECK(block_of(at("::ffff:192.0.2.1")) == "192.0.2.1");
    CHECK(block_of(at("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64");
    CHECK(block_of(at("2001:db8:1:2::1")) == block_of(at("2001:db8:1:2:ffff::9")));
    CHECK(block_of(at("2001:db8:1:2::1")) != block_of(at("2001:db8:1:3::1")));
}

TEST_CASE("who is proven keeps the place, and the door is full of them", "[net][places]") {
    Places places(3);
    CHECK(places.take(1, at("192.0.2.1"), 2).entry == Entry::admitted);
    CHECK(places.take(2, at("192.0.2.1"), 2).entry == Entry::admitted);
    places.prove(1);
    places.prove(2);
    CHECK(places.take(3, at("192.0.2.1"), 2).entry == Entry::too_many_from_there);
    CHECK(places.take(4, at("192.0.2.2"), 2).entry == Entry::admitted);
    places.prove(4);
    CHECK(places.take(5, at("192.0.2.3"), 2).entry == Entry::full);
    CHECK(places.taken() == 3);
    places.leave(1);
    CHECK(places.take(6, at("192.0.2.3"), 2).entry == Entry::admitted);
    places.leave(99);  // nobody
    CHECK(places.taken() == 3);
}

TEST_CASE("a newcomer gets the place of the oldest stranger of its address", "[net][places]") {
    Places places(100);
    places.take(1, at("2001:db8::1"), 3);
    places.prove(1);
    places.take(2, at("2001:db8::2"), 3);
    places.take(3, at("2001:db8::3"), 3);
    const auto verdict = places.take(4, at("2001:db8::4"), 3);  // of the same /64
    CHECK(verdict.entry == Entry::admitted);
    CHECK(verdict.evicted == 2);
    CHECK(places.leaving() == 1);
    CHECK(places.take(5, at("2001:db8::5"), 3).evicted == 3);
    places.leave(2);
    places.leave(3);
    CHECK(places.leaving() == 0);
    CHECK(places.taken() == 3);
    CHECK_FALSE(places.take(6, at("2001:db8:0:1::1"), 3).evicted);
}

TEST_CASE("at a full door a crowd of strangers pushes itself out", "[net][places]") {
    Places places(4);
    places.take(1, at("192.0.2.1"), 9);  // the oldest, but alone
    for (Places::Id id = 2; id <= 4; ++id) {
        places.take(id, at("192.0.2.2"), 9);
    }
    CHECK(places.take(5, at("192.0.2.3"), 9).evicted == 2);
    CHECK(places.take(6, at("192.0.2.4"), 9).evicted == 3);
    // Everybody is alone now: the oldest goes.
    CHECK(places.take(7, at("192.0.2.5"), 9).evicted == 1);
}

TEST_CASE("seven crowds of strangers keep nobody out", "[net][places]") {
    Places places(400);
    Places::Id id = 0;
    for (int turn = 0; turn < 64; ++turn) {
        for (int address = 1; address <= 7; ++address) {
            places.take(++id, at("192.0.2." + std::to_string(address)), 64);
        }
    }
    for (int one = 0; one < 100; ++one) {
        REQUIRE(places.take(++id, at("198.51.100." + std::to_string(one)), 64).entry ==
                Entry::admitted);
        places.prove(id);
    }
    CHECK(places.taken() == 400);
}

TEST_CASE("one that was evicted and proved itself meanwhile counts again", "[net][places]") {
    Places places(1);
    places.take(1, at("192.0.2.1"), 9);
    CHECK(places.take(2, at("192.0.2.2"), 9).evicted == 1);
    places.prove(1);
    CHECK(places.taken() == 2);
    places.prove(2);
    CHECK(places.take(3, at("192.0.2.3"), 9).entry == Entry::full);
    places.leave(1);
    CHECK(places.take(4, at("192.0.2.3"), 9).entry == Entry::full);
    places.leave(2);
    CHECK(places.taken() == 0);
    CHECK(places.take(5, at("192.0.2.3"), 9).entry == Entry::admitted);
}

}  // namespace
}  // namespace shoal::net
