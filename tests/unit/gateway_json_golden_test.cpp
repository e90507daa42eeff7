// docs/json-api.md against the program.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "gateway/json/messages.hpp"
#include "gateway/json/session.hpp"
#include "shoal/base/text.hpp"

using namespace shoal;
using namespace shoal::gateway::json;

namespace {

std::string page() {
    std::ifstream file("docs/json-api.md");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("the document's handshake is the program's", "[gateway][golden]") {
    const std::string text = page();
    REQUIRE_FALSE(text.empty());
    const std::string_view word = "correct horse battery staple";
    const integrity::Secret secret({word.begin(), word.end()});
    Identity client_id;
    client_id.id.fill(0xa0);
    client_id.nonce.fill(0xa1);
    Identity server_id;
    server_id.id.fill(0xb0);
    server_id.nonce.fill(0xb1);
    ClientHandshake client(secret, client_id);
    ServerHandshake server(secret, server_id);
    std::string said = client.take_output();
    server.handle(said);
    std::string answer = server.take_output();
    REQUIRE(client.handle(answer).ok());
    std::string proof = client.take_output();
    CHECK(text.find("client proof " + proof.substr(6)) != std::string::npos);
    server.handle(proof);
    std::string last = server.take_output();
    CHECK(text.find("server proof " + last.substr(6)) != std::string::npos);
    REQUIRE(client.handle(last).ok());

    MessageWriter writer(client.take_macs().client);
    writer.line(R"({"id":1,"request_type":"PING"})");
    const std::string line(writer.waiting().begin(), writer.waiting().end());
    CHECK(text.find("first line   " + line) != std::string::npos);
}
