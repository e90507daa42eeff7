// The handshake of the JSON gateway, and the framing behind it.
#include <catch2/catch.hpp>
#include <string>

#include "gateway/json/messages.hpp"
#include "gateway/json/session.hpp"
#include "shoal/base/text.hpp"

using namespace shoal;
using namespace shoal::gateway::json;

namespace {

integrity::Secret secret_of(std::string_view text) {
    return integrity::Secret({text.begin(), text.end()});
}

const integrity::Secret right = secret_of("correct horse battery staple");
const integrity::Secret wrong = secret_of("a secret of somebody else");
const integrity::Secret none;

Identity identity(std::uint8_t seed) {
    Identity one;
    one.id.fill(seed);
    one.nonce.fill(static_cast<std::uint8_t>(seed + 1));
    return one;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Ends {
    const integrity::Secret& client_secret;
    const integrity::Secret& server_secret;
    ClientHandshake client{client_secret, identity(1)};
    ServerHandshake server{server_secret, identity(7)};
    std::string to_client{};

    // Lets both talk until nothing more is said; what the client made of it.
    Status run() {
        for (;;) {
            std::string to_server = client.take_output();
            if (to_server.empty()) {
                return {};
            }
            server.handle(to_server);
            to_client += server.take_output();
            if (Status status = client.handle(to_client); !status) {
                return status;
            }
        }
    }
};

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("both know the secret: both are let in, with the same keys", "[gateway][session]") {
    Ends ends{right, right};
    REQUIRE(ends.run().ok());
    REQUIRE(ends.client.open());
    REQUIRE(ends.server.state() == ServerHandshake::State::open);
    SessionMacs mine = ends.client.take_macs();
    SessionMacs theirs = ends.server.take_macs();
    REQUIRE(mine.client);
    REQUIRE(theirs.client);
    CHECK(mine.client->next(bytes_of("x")) == theirs.client->next(bytes_of("x")));
    CHECK(mine.server->next(bytes_of("x")) == theirs.server->next(bytes_of("x")));
    CHECK(mine.client->next(bytes_of("x")) != mine.server->next(bytes_of("x")));
}

TEST_CASE("the handshake's bytes are those of the document", "[gateway][session]") {
    ClientHandshake client(right, identity(0xa0));
    ServerHandshake server(right, identity(0xb0));
    std::string line = client.take_output();
    CHECK(line ==
          "SHOAL-JSON 1 client auth a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0 "
          "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n");
    server.handle(line);
    std::string answer = server.take_output();
    REQUIRE(client.handle(answer).ok());
    CHECK(client.take_output() ==
          "PROOF 70d4f0c28d93846aa4da7c2816601c284280ac52f6259ddb96063215552655bd\n");
}

TEST_CASE("a wrong or a missing secret is refused", "[gateway][session]") {
    for (const auto& [client, server] :
         {std::pair(&wrong, &right), std::pair(&none, &right), std::pair(&right, &none)}) {
        Ends ends{*client, *server};
        const Status status = ends.run();
        REQUIRE_FALSE(status.ok());
        CHECK(status.error().kind == ErrorKind::forbidden);
        CHECK(ends.server.state() == ServerHandshake::State::refused);
        CHECK(ends.server.why() == Refusal::secret);
        CHECK_FALSE(ends.client.open());
    }
    Ends open{none, none};
    CHECK(open.run().ok());
    CHECK(open.client.open());
    CHECK_FALSE(open.server.take_macs().client);
}

TEST_CASE("a client believes no server that has not proven itself", "[gateway][session]") {
    ClientHandshake client(right, identity(1));
    client.take_output();
    std::string hello = hello_line("server", true, identity(9));
    REQUIRE(client.handle(hello).ok());
    const std::string proof = client.take_output();
    SECTION("its own proof sent back") {
        std::string reflected = proof;
        CHECK_FALSE(client.handle(reflected).ok());
    }
    SECTION("no proof, but a line") {
        std::string line = "{\"status\":0}\n";
        CHECK_FALSE(client.handle(line).ok());
    }
    CHECK_FALSE(client.open());
}

TEST_CASE("a server that asks for no secret is shunned by who has one", "[gateway][session]") {
    ClientHandshake client(right, identity(1));
    std::string hello = hello_line("server", false, identity(9));
    const Status status = client.handle(hello);
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().kind == ErrorKind::forbidden);
}

TEST_CASE("every word of the hellos is part of the proof", "[gateway][session]") {
    // Somebody in between rewrites one hello; both ends go on as if they had said that.
    const auto survives = [](auto&& rewrite) {
        ClientHandshake client(right, identity(1));
        ServerHandshake server(right, identity(7));
        std::string hello = rewrite(client.take_output());
        server.handle(hello);
        std::string answer = rewrite(server.take_output());
        if (!client.handle(answer)) {
            return false;
        }
        std::string proof = client.take_output();
        server.handle(proof);
        std::string last = server.take_output();
        return client.handle(last).ok() || server.state() == ServerHandshake::State::open;
    };
    CHECK(survives([](std::string line) { return line; }));
    for (const std::size_t place : {11U, 13U, 20U, 25U, 40U, 90U, 120U}) {
        INFO(place);
        CHECK_FALSE(survives([&](std::string line) {
            line[place] = line[place] == '1' ? '2' : '1';
            return line;
        }));
    }
    CHECK_FALSE(survives([](std::string line) {
        const std::size_t mode = line.find("auth");
        return mode == line.npos ? line : line.replace(mode, 4, "open");
    }));
}

TEST_CASE("what is no hello is refused, however it comes", "[gateway][session]") {
    for (const std::string& said :
         {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("{\"request_type\":\"PING\"}\n"),
          std::string(1000, 'x'), std::string("\n"), hello_line("server", true, identity(1)),
          std::string("SHOAL-JSON 1 client auth 00 00\n"),
          std::string("SHOAL-JSON 2 client auth 00 00\n"),
          "  " + hello_line("client", true, identity(1))}) {
        for (const std::size_t step : {said.size(), std::size_t{1}}) {
            ServerHandshake server(right, identity(7));
            std::string input;
            for (std::size_t i = 0; i < said.size(); i += step) {
                input += said.substr(i, step);
                server.handle(input);
            }
            INFO(said);
            CHECK(server.state() == ServerHandshake::State::refused);
            CHECK(server.take_output().starts_with("REFUSED "));
        }
    }
}

TEST_CASE("messages cross, whole or byte by byte", "[gateway][messages]") {
    for (const bool sealed : {false, true}) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20U}) {
            const std::optional<MacStream> macs =
                sealed ? std::optional(MacStream(integrity::sha256(bytes_of("key"))))
                       : std::nullopt;
            MessageWriter writer(macs);
            MessageReader reader(macs);
            const std::string content(content_block_size + 5, 'c');
            writer.line("{\"a\":1}");
            writer.content(bytes_of(content));
            writer.line("{}");
            std::string got_content;
            std::vector<std::string> lines;
            const std::string wire = text_of(writer.waiting());
            for (std::size_t i = 0; i < wire.size(); i += step) {
                reader.feed(bytes_of(std::string_view(wire).substr(i, step)));
                for (bool more = true; more;) {
                    std::span<const std::uint8_t> bytes;
                    std::string_view line;
                    const std::uint64_t left = content.size() - got_content.size();
                    const bool in_content = lines.size() == 1 && left > 0;
                    const auto got =
                        in_content ? reader.next_content(left, bytes) : reader.next_line(line);
                    REQUIRE(got <= MessageReader::Got::something);
                    more = got == MessageReader::Got::something;
                    if (more && in_content) {
                        got_content += text_of(bytes);
                    } else if (more) {
                        lines.emplace_back(line);
                    }
                }
            }
            CHECK(lines == std::vector<std::string>{"{\"a\":1}", "{}"});
            CHECK(got_content == content);
            CHECK(reader.waiting() == 0);
        }
    }
}

TEST_CASE("sealed messages: changed, moved, repeated or left out is forged",
          "[gateway][messages]") {
    const MacStream macs(integrity::sha256(bytes_of("key")));
    MessageWriter writer(macs);
    writer.line("{\"n\":1}");
    const std::string one = text_of(writer.waiting());
    writer.sent(one.size());
    writer.line("{\"n\":2}");
    const std::string two = text_of(writer.waiting());
    const auto forged = [&](const std::string& wire) {
        MessageReader reader(macs);
        reader.feed(bytes_of(wire));
        std::string_view line;
        auto got = MessageReader::Got::something;
        while (got == MessageReader::Got::something) {
            got = reader.next_line(line);
        }
        return got == MessageReader::Got::forged;
    };
    CHECK_FALSE(forged(one + two));
    CHECK(forged(two));
    CHECK(forged(one + one));
    CHECK(forged("{\"n\":1}\n"));
    CHECK(forged("\n"));
    for (std::size_t i = 0; i + 1 < one.size(); ++i) {
        std::string changed = one;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        INFO(i);
        CHECK(forged(changed));
    }
}

TEST_CASE("a line without an end costs a mebibyte, no more", "[gateway][messages]") {
    for (const bool sealed : {false, true}) {
        MessageReader reader(sealed ? std::optional(MacStream(integrity::sha256(bytes_of("key"))))
                                    : std::nullopt);
        const std::string block(4096, 'x');
        std::string_view line;
        std::size_t fed = 0;
        while (reader.next_line(line) == MessageReader::Got::nothing) {
            reader.feed(bytes_of(block));
            fed += block.size();
            REQUIRE(fed <= json_bytes_max + 2 * block.size());
        }
        CHECK(reader.next_line(line) == MessageReader::Got::too_long);
    }
}
