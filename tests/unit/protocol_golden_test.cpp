// The golden vectors of docs/protocol.md are what the program encodes: the page is the fixture.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <string>

#include "../support/protocol_samples.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/integrity/unhashed.hpp"
#include "shoal/protocol/auth.hpp"
#include "shoal/protocol/search.hpp"

using namespace shoal;
using namespace shoal::protocol;
using namespace shoal::protocol::samples;

namespace {

using Vectors = std::map<std::string, Bytes>;

constexpr std::uint64_t file_size = 200000;

template <typename Message>
Bytes with_payload(const Message& message, const Bytes& payload = {}) {
    const auto head = encode(message);
    Bytes out(head.begin(), head.end());
    append(out, payload);
    return out;
}

clientMessage client_hello() {
    auto hello = client(ClientType::hello, 1);
    hello.flags = flag_authenticated;
    hello.digest = digest_from(0x00);
    hello.nodeId = node_from(0xa0);
    hello.port = 8080;
    hello.version = version;
    return hello;
}

serverMessage server_hello() {
    auto hello = server(ServerType::hello, 1);
    hello.flags = flag_authenticated;
    hello.digest = digest_from(0x20);
    hello.nodeId = node_from(0xb0);
    hello.port = 8081;
    hello.version = version;
    return hello;
}

clientMessage query() {
    auto message = client(ClientType::query, 3);
    message.set_path("music/\xc3\x84.ogg");
    return message;
}

void add_client_messages(Vectors& out) {
    out["client-hello"] = with_payload(client_hello());
    out["client-query"] = with_payload(query());
    auto list = client(ClientType::list, 4);
    list.set_path("music/b");
    list.prefixLength = 6;
    list.first = 7;
    out["client-list"] = with_payload(list);
    auto request = client(ClientType::request, 5);
    request.flags = flag_substitute;
    request.fileSize = file_size;
    request.digest = digest_from(0xc0);
    request.first = 8;
    request.count = 5;
    out["client-request"] = with_payload(request);
}

Bytes listing_page() {
    Bytes page;
    append_record(page, {"music/c", {file_size, digest_from(0xc0)}, 3, 1700000000});
    append_record(page, {"music/d", {0, {}}, 0, -1});
    return page;
}

void add_server_messages(Vectors& out) {
    out["server-hello"] = with_payload(server_hello());
    auto file = server(ServerType::file, 3);
    file.fileSize = file_size;
    file.digest = digest_from(0xc0);
    file.first = 1700000000;
    file.held = 3;
    out["server-file"] = with_payload(file);
    auto listing = server(ServerType::listing, 4);
    listing.flags = flag_last_page;
    listing.first = 7;
    listing.count = 2;
    listing.payloadSize = listing_page().size();
    out["server-listing"] = with_payload(listing, listing_page());
    auto data = data_head(file_size, {{8}, 5});
    data.id = 5;
    data.digest = digest_from(0xc0);
    out["server-data"] = with_payload(data);
    auto holding = server(ServerType::holding, 6);
    holding.fileSize = file_size;
    holding.digest = digest_from(0xc0);
    holding.held = 2;
    holding.payloadSize = 1;
    out["server-holding"] = with_payload(holding, {0x90});
    auto answer = server(ServerType::answer, 7, protocol::Status::not_held);
    answer.payloadSize = 9;
    out["server-answer"] = with_payload(answer, bytes_of("not here."));
}

void add_authenticated(Vectors& out) {
    const Secret secret(bytes_of("correct horse battery staple"));
    const auto facts = facts_of(client_hello(), server_hello());
    Session session(secret, facts);
    const auto add_digest = [&](const char* label, const integrity::Digest& digest) {
        out[label] = {digest.bytes.begin(), digest.bytes.end()};
    };
    add_digest("auth-client-proof", session.client_proof());
    add_digest("auth-server-proof", session.server_proof());
    auto proof = client(ClientType::proof, 2);
    proof.digest = session.client_proof();
    session.seal(proof);
    out["sealed-proof"] = with_payload(proof);
    auto second = query();
    session.seal(second);
    out["sealed-query"] = with_payload(second);
    auto answer = server(ServerType::answer, 2);
    answer.digest = session.server_proof();
    session.seal(answer, {});
    out["sealed-answer"] = with_payload(answer);
    auto refusal = server(ServerType::answer, 3, protocol::Status::not_found);
    refusal.payloadSize = 3;
    session.seal(refusal, bytes_of("no."));
    out["sealed-refusal"] = with_payload(refusal, bytes_of("no."));
}

HostAddress address_ending(std::uint8_t last, std::uint16_t port) {
    HostAddress address;
    address.ip[10] = address.ip[11] = 0xff;
    address.ip[12] = 192;
    address.ip[14] = 2;
    address.ip[15] = last;
    address.port = port;
    return address;
}

void add_search(Vectors& out) {
    Search search;
    search.id = node_from(0xd0).bytes;
    search.ttl = 5;
    search.kind = QuestionKind::glob;
    search.wait_ms = 3500;
    search.stack = {address_ending(1, 8080), address_ending(2, 8081)};
    search.size_min = 10;
    search.size_max = 1000000;
    search.pattern = "*\xc3\x84*";
    search.extensions = "ogg,mp3";
    auto asked = encode_search(search);
    asked.id = 9;
    out["client-search"] = with_payload(asked);
    Hits hits;
    hits.search = search.id;
    hits.holder = node_from(0xe0);
    hits.address = address_ending(4, 8080);
    hits.rate = 1000000;
    hits.path = {address_ending(4, 8080), address_ending(3, 8080)};
    hits.hits = {{"music/\xc3\x84.ogg", {file_size, digest_from(0xc0)}, true},
                 {"part.mp3", {file_size, digest_from(0xd0)}, false},
                 {"new.mp3", integrity::unhashed(file_size), false}};
    const HitsMessage found = encode_hits(hits);
    out["server-hits"] = with_payload(found.message, found.payload);
    out["server-search-done"] =
        with_payload(encode_search_done(9, {70, 20000, 12, 29, 1, 2, 3, 4, 5}));
}

Vectors encoded() {
    Vectors out;
    add_search(out);
    add_client_messages(out);
    add_server_messages(out);
    add_authenticated(out);
    return out;
}

// As the page writes it: 32 bytes to a line, and "zeros N" for long runs of zero.
std::string as_block(const Bytes& bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto end = std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(),
                                      [](auto byte) { return byte != 0; });
        const auto zeros = static_cast<std::size_t>(end - bytes.begin()) - at;
        const auto line = std::min<std::size_t>(32, bytes.size() - at);
        if (at % 32 == 0 && zeros >= 64) {
            out += "zeros " + std::to_string(zeros / 32 * 32) + "\n";
            at += zeros / 32 * 32;
        } else {
            out += text::hex(std::span(bytes).subspan(at, line)) + "\n";
            at += line;
        }
    }
    return out;
}

// Blocks of the page that open with "```golden LABEL".
std::map<std::string, std::string> blocks_of_the_page() {
    std::map<std::string, std::string> out;
    std::ifstream page("docs/protocol.md");
    REQUIRE(page.is_open());
    const std::string opening = "```golden ";
    std::string label;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with(opening)) {
            label = line.substr(opening.size());
            out[label];
        } else if (line == "```") {
            label.clear();
        } else if (!label.empty()) {
            out[label] += line + "\n";
        }
    }
    return out;
}

}  // namespace

TEST_CASE("the golden vectors of docs/protocol.md are what is encoded", "[protocol][golden]") {
    auto page = blocks_of_the_page();
    for (const auto& [label, bytes] : encoded()) {
        INFO("```golden " << label);
        CHECK(page[label] == as_block(bytes));
        page.erase(label);
    }
    CHECK(page.empty());
}

TEST_CASE("the roots of docs/protocol.md are those of the tree", "[protocol][golden]") {
    std::ifstream page("docs/protocol.md");
    REQUIRE(page.is_open());
    const std::string content{std::istreambuf_iterator<char>(page), {}};
    for (const std::uint64_t size : {0, 1, 16384, 16385, 20000, 65536, 65537, 327680}) {
        integrity::TreeHasher hasher(size);
        Bytes bytes(size);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            bytes[i] = static_cast<std::uint8_t>(i % 251);
        }
        hasher.update(bytes);
        const std::string row =
            "| " + std::to_string(size) + " | `" + hasher.finish().id.root.hex() + "` |";
        INFO(row);
        CHECK(content.find(row) != std::string::npos);
    }
}
