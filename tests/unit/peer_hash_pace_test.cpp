// HashPace: whether what a host says of its hashing is progress.
#include <catch2/catch.hpp>

#include "peer/pending_ask.hpp"

namespace shoal::peer {
namespace {

Interim hashed(std::uint64_t bytes, bool being_written = false) {
    return {"127.0.0.2:8080", "x", std::uint64_t{1} << 39, bytes, being_written, true};
}

TEST_CASE("hashing that crawls is no progress") {
    HashPace pace;
    TimePoint now{1h};
    CHECK(pace.moves(hashed(0), now));
    for (std::uint64_t bytes = 1; bytes < 20; ++bytes) {
        now += 200ms;
        CHECK_FALSE(pace.moves(hashed(bytes), now));
    }
    CHECK_FALSE(pace.moves(hashed(3 * limits::MiB), now));  // in 3.8 s
    CHECK(pace.moves(hashed(4 * limits::MiB), now));
    now += 1s;
    CHECK_FALSE(pace.moves(hashed(limits::MiB), now));  // back, as when it was changed
    CHECK(pace.moves(hashed(5 * limits::MiB), now));
}

TEST_CASE("that a file is still written is no progress, that it is hashed then is") {
    HashPace pace;
    TimePoint now{1h};
    CHECK(pace.moves(hashed(10 * limits::MiB, true), now));
    now += 1s;
    CHECK_FALSE(pace.moves(hashed(90 * limits::MiB, true), now));
    CHECK(pace.moves(hashed(8 * limits::MiB), now));
}

}  // namespace
}  // namespace shoal::peer
