// What a peer tells of its fetches: where the time went, and maps of chunks.
#include <catch2/catch.hpp>

#include "peer/status.hpp"
#include "peer/time_book.hpp"

using namespace shoal;
using namespace shoal::peer;

namespace {

const TimePoint start{std::chrono::seconds(50)};

std::string map_of(std::size_t size, std::size_t from, std::size_t count) {
    Bitmap held(size);
    for (std::size_t at = from; at < from + count; ++at) {
        held.set(at);
    }
    return chunk_map(held);
}

StatusReport report_of(const std::string& text) {
    return parse_status({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

TEST_CASE("a host is busy while it owes something, whatever overlaps", "[peer][times]") {
    TimeBook book;
    book.handle_asked({1}, "a", start);
    book.handle_asked({1}, "a", start + 10ms);
    book.handle_received({1}, 100, start + 30ms);
    book.handle_answered({1}, start + 30ms);
    book.handle_received({1}, 200, start + 40ms);
    book.handle_answered({1}, start + 40ms);  // and owes nothing
    book.handle_asked({1}, "a", start + 100ms);
    book.add_writing(3ms);
    book.add_hashing(5ms);
    FetchTimes sum;
    book.add_to(sum, start + 105ms);
    REQUIRE(sum.hosts.size() == 1);
    CHECK(sum.hosts[0].host == "a");
    CHECK(sum.hosts[0].bytes == 300);
    CHECK(sum.hosts[0].busy == 45ms);
    CHECK(sum.hosts[0].longest_wait == 30ms);
    CHECK(sum.writing == 3ms);

    SECTION("transfers of one order are added up by host") {
        TimeBook other;
        other.handle_asked({7}, "a", start);
        other.handle_asked({8}, "b", start);
        other.handle_received({7}, 50, start + 60ms);
        other.handle_answered({7}, start + 60ms);
        other.add_to(sum, start + 200ms);
        REQUIRE(sum.hosts.size() == 2);
        CHECK(sum.hosts[0].bytes == 350);
        CHECK(sum.hosts[0].busy == 105ms);
        CHECK(sum.hosts[0].longest_wait == 60ms);
        CHECK(sum.hosts[1].busy == 200ms);  // it still owes
        CHECK(sum.hosts[1].longest_wait == 200ms);
    }
    SECTION("what nobody was asked for counts nowhere") {
        TimeBook stray;
        stray.handle_received({9}, 5, start);
        stray.handle_answered({9}, start);
        FetchTimes none;
        stray.add_to(none, start);
        CHECK(none.hosts.empty());
    }
}

TEST_CASE("a map has a cell a chunk, or 50 cells", "[peer][status]") {
    CHECK(map_of(4, 1, 2) == ".##.");
    CHECK(map_of(1, 0, 1) == "#");
    CHECK(map_of(0, 0, 0).empty());
    CHECK(map_of(100, 0, 100) == std::string(50, '#'));
    CHECK(map_of(100, 1, 2) == "++" + std::string(48, '.'));
    CHECK(map_of(262144, 262143, 1) == std::string(49, '.') + "+");
}

TEST_CASE("a report's rate is the best one, within the limit that is set", "[peer][status]") {
    CHECK(rate_told(report_of("best-upload 500\nmax-upload 0\n")) == 500);
    CHECK(rate_told(report_of("best-upload 500\nmax-upload 400\n")) == 400);
    CHECK(rate_told(report_of("best-upload 0\nmax-upload 400\n")) == 400);
    CHECK(rate_told(report_of("best-upload x\nnoblank\n\n")) == 0);
    CHECK(rate_told(report_of("")) == 0);
}
