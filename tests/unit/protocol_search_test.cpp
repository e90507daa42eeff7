// Searches on the wire: what is encoded is what was meant, and what is out of range is refused.
#include <catch2/catch.hpp>

#include <string>

#include "../support/protocol_samples.hpp"
#include "shoal/protocol/search.hpp"

using namespace shoal;
using namespace shoal::protocol;
using namespace shoal::protocol::samples;

namespace {

HostAddress address(std::uint8_t last) {
    HostAddress made;
    made.ip[15] = last;
    made.port = 8080;
    return made;
}

Search sample() {
    Search search;
    search.id = node_from(0x10).bytes;
    search.ttl = 3;
    search.kind = QuestionKind::regex;
    search.wait_ms = 1234;
    search.stack = {address(1), address(2)};
    search.size_min = 5;
    search.size_max = 6;
    search.pattern = "a|b";
    search.extensions = "txt";
    return search;
}

Hits sample_hits() {
    Hits hits;
    hits.search = node_from(0x10).bytes;
    hits.holder = node_from(0x20);
    hits.address = address(9);
    hits.rate = 77;
    hits.path = {address(9), address(8)};
    hits.more = true;
    hits.hits = {{"a", {1, digest_from(1)}, true}, {"b/c", {2, digest_from(2)}, false}};
    return hits;
}

}  // namespace

TEST_CASE("a search comes out as it went in", "[protocol][search]") {
    const auto raw = encode(encode_search(sample()));
    const auto message = decode_client(raw);
    REQUIRE(message);
    const auto search = parse_search(*message);
    REQUIRE(search);
    CHECK(search->id == sample().id);
    CHECK(search->ttl == 3);
    CHECK(search->kind == QuestionKind::regex);
    CHECK(search->wait_ms == 1234);
    CHECK(search->stack == sample().stack);
    CHECK(search->size_min == 5);
    CHECK(search->size_max == 6);
    CHECK(search->pattern == "a|b");
    CHECK(search->extensions == "txt");
}

TEST_CASE("the longest search fits, a longer one is a bug of the caller", "[protocol][search]") {
    Search search;
    search.stack.assign(limits::search_stack_max, address(1));
    search.pattern.assign(limits::search_question_max, 'x');
    CHECK(parse_search(encode_search(search)));
    search.pattern += 'x';
    CHECK_THROWS_AS(encode_search(search), std::length_error);
    search.pattern.clear();
    search.stack.push_back(address(1));
    CHECK_THROWS_AS(encode_search(search), std::length_error);
}

TEST_CASE("a search that is out of range is refused", "[protocol][search]") {
    const auto refused = [](auto change) {
        clientMessage message = encode_search(sample());
        change(message);
        return !parse_search(message);
    };
    CHECK(refused([](clientMessage& m) { m.prefixLength -= 1; }));
    CHECK(refused([](clientMessage& m) { m.version = 3; }));
    CHECK(refused([](clientMessage& m) { m.pathLength = 400; }));
    CHECK(refused([](clientMessage& m) { m.prefixLength = m.pathLength = 15 * 18; }));
    CHECK(refused([](clientMessage& m) { m.path[m.prefixLength] = 0xff; }));
    CHECK(refused([](clientMessage& m) { m.path[m.pathLength - 1U] = 0; }));
    CHECK_FALSE(refused([](clientMessage& m) { m.pathLength = m.prefixLength = 0; }));
}

TEST_CASE("hits come out as they went in", "[protocol][search]") {
    const HitsMessage made = encode_hits(sample_hits());
    CHECK(decode_server(encode(made.message)));
    const auto hits = parse_hits(made.message, made.payload);
    REQUIRE(hits);
    CHECK(hits->search == sample_hits().search);
    CHECK(hits->holder == sample_hits().holder);
    CHECK(hits->address == address(9));
    CHECK(hits->rate == 77);
    CHECK(hits->path == sample_hits().path);
    CHECK(hits->more);
    REQUIRE(hits->hits.size() == 2);
    CHECK(hits->hits[1].name == "b/c");
    CHECK(hits->hits[1].id == integrity::FileId{2, digest_from(2)});
    CHECK_FALSE(hits->hits[1].whole);
}

TEST_CASE("hits cut anywhere, or counted wrong, are refused", "[protocol][search]") {
    HitsMessage made = encode_hits(sample_hits());
    for (std::size_t size = 0; size < made.payload.size(); ++size) {
        CHECK_FALSE(parse_hits(made.message, std::span(made.payload).first(size)));
    }
    ++made.message.count;
    CHECK_FALSE(parse_hits(made.message, made.payload));
    --made.message.count;
    made.payload[26] = 16;  // addresses of the path
    CHECK_FALSE(parse_hits(made.message, made.payload));
}

TEST_CASE("hits of no size that can be are malformed before they are received",
          "[protocol][search]") {
    serverMessage message = encode_hits(sample_hits()).message;
    const auto malformed = [&](std::uint32_t count, std::uint64_t size) {
        message.count = count;
        message.payloadSize = size;
        return !decode_server(encode(message));
    };
    CHECK(malformed(0, 100));
    CHECK(malformed(201, 60000));
    CHECK(malformed(2, 28 + 2 * 45 - 1));
    CHECK(malformed(2, limits::control_payload_max + 1));
    CHECK_FALSE(malformed(2, 28 + 2 * 45));
    message = encode_search_done(3, {});
    CHECK(decode_server(encode(message)));
    CHECK(malformed(1, 1));
}

TEST_CASE("no host says more than one message holds", "[protocol][search]") {
    const std::string name(limits::path_max, 'n');
    Hits hits;
    const Hit hit{name, {1, {}}, true};
    while (fits(hits, hit)) {
        hits.hits.push_back(hit);
    }
    CHECK(hits.hits.size() > 100);
    hits.path.assign(hits_path_max, address(1));
    const HitsMessage made = encode_hits(hits);
    CHECK(decode_server(encode(made.message)));
    CHECK(parse_hits(made.message, made.payload));
}

TEST_CASE("counts come out as they went in", "[protocol][search]") {
    const SearchCounts counts{1, 2, 3, 4, 5, 6, 7, 8, 9};
    const auto message = decode_server(encode(encode_search_done(11, counts)));
    REQUIRE(message);
    CHECK(message->id == 11);
    const SearchCounts back = parse_search_done(*message);
    CHECK(std::tie(back.messages, back.bytes, back.duplicates) == std::tuple(1U, 2U, 3U));
    CHECK(std::tie(back.hosts, back.lost, back.late, back.refused, back.cut, back.unsure) ==
          std::tuple(4U, 5U, 6U, 7U, 8U, 9U));
}
