#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <string>

#include "../support/protocol_samples.hpp"
#include "../support/temp_dir.hpp"
#include "shoal/protocol/auth.hpp"

using namespace shoal;
using namespace shoal::protocol;
using namespace shoal::protocol::samples;

namespace {

HandshakeFacts facts(std::uint8_t seed = 0) {
    return {1, node_from(seed), node_from(0x40), 8080, 9090, digest_from(0x80), digest_from(0xa0)};
}

Secret secret(std::string_view text = "sixteen bytes ok") { return Secret(bytes_of(text)); }

// Both ends of a connection.
struct Ends {
    Session client{secret(), facts()};
    Session server{secret(), facts()};
};

ClientBytes sealed_query(Session& session, std::uint64_t id) {
    auto message = client(ClientType::query, id);
    message.set_path("name");
    session.seal(message);
    return encode(message);
}

ServerBytes sealed_answer(Session& session, ServerType type, const Bytes& payload) {
    auto message = server(type, 1, protocol::Status::not_found);
    message.payloadSize = payload.size();
    session.seal(message, payload);
    return encode(message);
}

// A file with a secret in it.
std::string secret_file(const test::TempDir& folder, std::string_view content, mode_t mode = 0600) {
    folder.write("secret", content);
    const std::string name = folder / "secret";
    REQUIRE(chmod(name.c_str(), mode) == 0);
    return name;
}

}  // namespace

TEST_CASE("both ends that share a secret understand each other", "[protocol][auth]") {
    Ends ends;
    CHECK(ends.server.is_client_proof(ends.client.client_proof()));
    CHECK(ends.client.is_server_proof(ends.server.server_proof()));
    for (std::uint64_t id = 1; id < 5; ++id) {
        CHECK(ends.server.open(sealed_query(ends.client, id)));
        const auto text = bytes_of("because");
        CHECK(ends.client.open(sealed_answer(ends.server, ServerType::answer, text), text));
    }
}

TEST_CASE("a proof is bound to the secret, the role and every fact", "[protocol][auth]") {
    const Session session(secret(), facts());
    CHECK_FALSE(session.is_client_proof(session.server_proof()));
    CHECK_FALSE(session.is_server_proof(session.client_proof()));
    CHECK_FALSE(session.is_client_proof({}));
    CHECK_FALSE(Session().is_client_proof({}));
    CHECK_FALSE(Session().is_server_proof({}));

    const auto differs = [&](const Secret& other_secret, const HandshakeFacts& other) {
        const Session changed(other_secret, other);
        return !session.is_client_proof(changed.client_proof()) &&
               !session.is_server_proof(changed.server_proof());
    };
    CHECK_FALSE(differs(secret(), facts()));
    CHECK(differs(secret("sixteen bytes no"), facts()));
    auto other = facts();
    SECTION("version") { other.version = 2; }
    SECTION("client node") { other.client_node = node_from(1); }
    SECTION("server node") { other.server_node = node_from(1); }
    SECTION("client port") { other.client_port = 1; }
    SECTION("server port") { other.server_port = 1; }
    SECTION("client nonce") { other.client_nonce = digest_from(1); }
    SECTION("server nonce") { other.server_nonce = digest_from(1); }
    SECTION("nodes swapped") { std::swap(other.client_node, other.server_node); }
    SECTION("nonces swapped") { std::swap(other.client_nonce, other.server_nonce); }
    SECTION("ports swapped") { std::swap(other.client_port, other.server_port); }
    CHECK(differs(secret(), other));
}

TEST_CASE("facts come from the hellos", "[protocol][auth]") {
    auto client_hello = client(ClientType::hello, 1);
    client_hello.version = 1;
    client_hello.nodeId = node_from(0);
    client_hello.port = 8080;
    client_hello.digest = digest_from(0x80);
    auto server_hello = server(ServerType::hello, 1);
    server_hello.nodeId = node_from(0x40);
    server_hello.port = 9090;
    server_hello.digest = digest_from(0xa0);
    const Session from_hellos(secret(), facts_of(client_hello, server_hello));
    CHECK(from_hellos.is_client_proof(Session(secret(), facts()).client_proof()));
}

TEST_CASE("a message that is changed anywhere is refused", "[protocol][auth]") {
    for (std::size_t at = 0; at < limits::client_message_size; ++at) {
        Ends ends;
        auto raw = sealed_query(ends.client, 1);
        raw[at] ^= 1;
        CHECK_FALSE(ends.server.open(raw));
    }
    for (std::size_t at = 0; at < limits::server_message_size; ++at) {
        Ends ends;
        auto raw = sealed_answer(ends.server, ServerType::answer, {});
        raw[at] ^= 0x80;
        CHECK_FALSE(ends.client.open(raw, {}));
    }
}

TEST_CASE("replayed, reordered, dropped and foreign messages are refused", "[protocol][auth]") {
    Ends ends;
    const auto first = sealed_query(ends.client, 1);
    const auto second = sealed_query(ends.client, 2);
    SECTION("replay") {
        CHECK(ends.server.open(first));
        CHECK_FALSE(ends.server.open(first));
    }
    SECTION("reorder") { CHECK_FALSE(ends.server.open(second)); }
    SECTION("drop") {
        CHECK(ends.server.open(first));
        const auto third = sealed_query(ends.client, 3);
        CHECK_FALSE(ends.server.open(third));
    }
    SECTION("another connection") {
        Session elsewhere(secret(), facts(1));
        CHECK_FALSE(elsewhere.open(first));
    }
    SECTION("without a seal") {
        CHECK_FALSE(ends.server.open(encode(client(ClientType::query, 1))));
    }
}

TEST_CASE("a client's message is no server's, sent back", "[protocol][auth]") {
    // A client message of a short path has zeros where a server message has its MAC. Cut in two
    // as a server message and its payload, it is the very text that was sealed; only the key of
    // the direction tells.
    Ends ends;
    const auto raw = sealed_query(ends.client, 1);
    const auto head = std::span(raw).first<limits::server_message_size>();
    REQUIRE(std::all_of(head.end() - mac_size, head.end(), [](auto byte) { return byte == 0; }));
    ServerBytes reflected;
    std::copy(head.begin(), head.end(), reflected.begin());
    std::copy(raw.end() - mac_size, raw.end(), reflected.end() - mac_size);
    Bytes payload(raw.begin() + head.size(), raw.end());
    std::fill(payload.end() - mac_size, payload.end(), std::uint8_t{0});
    CHECK_FALSE(ends.client.open(reflected, payload));
}

TEST_CASE("the MAC covers payloads, but those that the tree covers", "[protocol][auth]") {
    const auto payload = bytes_of("payload");
    const auto other = bytes_of("pay1oad");
    for (std::uint16_t type = 1; type <= 11; ++type) {
        Ends ends;
        const auto raw = sealed_answer(ends.server, static_cast<ServerType>(type), payload);
        const bool tree = type == 5 || type == 6 || type == 7;
        CHECK(payload_is_covered_by_tree(type) == tree);
        CHECK(ends.client.open(raw, other) == tree);
    }
}

TEST_CASE("without a secret every MAC is zero", "[protocol][auth]") {
    Session plain;
    CHECK_FALSE(plain.authenticated());
    auto message = client(ClientType::query, 1);
    message.mac.fill(7);
    CHECK_FALSE(plain.open(encode(message)));
    plain.seal(message);
    CHECK(message.mac == Mac{});
    CHECK(plain.open(encode(message)));
    auto answer = server(ServerType::answer, 1);
    CHECK(plain.open(encode(answer), bytes_of("text")));
    answer.mac[15] = 1;
    CHECK_FALSE(plain.open(encode(answer), {}));
}

TEST_CASE("only not_let_in is believed without a MAC", "[protocol][auth]") {
    Ends ends;
    auto refusal = server(ServerType::answer, 1, protocol::Status::not_let_in);
    CHECK(refused_at_the_door(refusal));
    ends.server.seal(refusal, {});
    CHECK_FALSE(refused_at_the_door(refusal));
    CHECK_FALSE(refused_at_the_door(server(ServerType::answer, 1)));
    CHECK_FALSE(refused_at_the_door(server(ServerType::closing, 1, protocol::Status::not_let_in)));
}

TEST_CASE("a secret is loaded without its line end", "[protocol][auth]") {
    const test::TempDir folder;
    const auto loads = [&](const std::string& content) {
        const auto loaded = Secret::load(secret_file(folder, content));
        REQUIRE(loaded.ok());
        return std::string(loaded->bytes().begin(), loaded->bytes().end());
    };
    CHECK(loads("0123456789abcdef") == "0123456789abcdef");
    CHECK(loads("0123456789abcdef\n") == "0123456789abcdef");
    CHECK(loads("0123456789abcdef\r\n") == "0123456789abcdef");
    CHECK(loads("0123456789abcde\n\n") == "0123456789abcde\n");
    CHECK(loads(std::string(4096, 'x') + "\n").size() == 4096);
    CHECK_FALSE(Secret().present());
}

TEST_CASE("a secret that cannot be kept is refused", "[protocol][auth]") {
    const test::TempDir folder;
    const auto refusal = [](const std::string& path) {
        const auto loaded = Secret::load(path);
        REQUIRE_FALSE(loaded.ok());
        CHECK(loaded.error().message.find(path) != std::string::npos);
        return loaded.error();
    };
    const std::string good = "0123456789abcdef";
    for (const mode_t mode : {0640, 0604, 0620, 0601}) {
        const auto error = refusal(secret_file(folder, good, mode));
        CHECK(error.kind == ErrorKind::forbidden);
        CHECK(error.message.find("chmod 600") != std::string::npos);
    }
    CHECK(refusal(secret_file(folder, "0123456789abcde\n")).kind == ErrorKind::bad_input);
    CHECK(refusal(secret_file(folder, "")).kind == ErrorKind::bad_input);
    CHECK(refusal(secret_file(folder, std::string(4097, 'x'))).kind == ErrorKind::bad_input);
    CHECK(refusal(secret_file(folder, std::string(100000, 'x'))).kind == ErrorKind::bad_input);
    CHECK(refusal(folder.path()).kind == ErrorKind::bad_input);
    CHECK(refusal(folder.path() + "/none").kind == ErrorKind::not_found);
    const std::string fifo = folder.path() + "/fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(refusal(fifo).kind == ErrorKind::bad_input);
}
