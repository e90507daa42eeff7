#include <catch2/catch.hpp>

#include "../support/fake_server.hpp"

namespace shoal::peer {
namespace {

using protocol::ClientType;
using protocol::ServerType;
using protocol::Status;
using protocol::samples::client;
using protocol::samples::server;

constexpr std::uint64_t file_size = 200'000;
const integrity::FileId file{file_size, protocol::samples::digest_from(9)};

struct Sink final : DataSink {
    void handle_data(ServerLink&, std::uint64_t token, LeafRun, std::uint32_t offset,
                     std::span<const std::uint8_t> bytes, bool last, TimePoint) override {
        CHECK(offset == received);
        received += bytes.size();
        done += last ? 1 : 0;
        last_token = token;
    }
    void handle_substituted(ServerLink&, std::uint64_t, LeafRun run) override {
        given.push_back(run);
    }
    void handle_refusal(ServerLink&, std::uint64_t token, Status why, TimePoint) override {
        refusals.emplace_back(token, why);
    }
    std::size_t received{0};
    int done{0};
    std::uint64_t last_token{0};
    std::vector<LeafRun> given;
    std::vector<std::pair<std::uint64_t, Status>> refusals;
};

struct Scene {
    Scene() {
        wiring.identity.node = protocol::samples::node_from(1);
        wiring.identity.port = 4711;
        far.emplace(wiring, servers, std::uint8_t{2}, now);
    }
    // Asks for leaves and returns the request as the server sees it.
    protocol::clientMessage request(LeafRun run, std::uint64_t token, bool substitute = false) {
        far->link().request(file, run, substitute, sink, token);
        return far->take(ClientType::request, now).at(0);
    }
    TimePoint now{1h};
    Wiring wiring;
    Servers servers;
    Sink sink;
    std::optional<test::FakeServer> far;
};

TEST_CASE("the hello goes out first, and questions need not wait for its answer") {
    Scene scene;
    scene.far->link().ask(client(ClientType::status, 0), nullptr,
                          [](ServerLink&, const Reply&, TimePoint) {});
    const auto said = scene.far->take(scene.now);
    REQUIRE(said.size() == 2);
    CHECK(said[0].type == static_cast<std::uint16_t>(ClientType::hello));
    CHECK(said[0].port == 4711);
    CHECK(said[0].nodeId == scene.wiring.identity.node);
    CHECK(said[1].id != said[0].id);
    CHECK_FALSE(scene.far->link().usable());
}

TEST_CASE("a server of another version, with a secret or without a hello is let go") {
    Scene scene;
    const auto hello = scene.far->take(scene.now).at(0);
    auto answer = server(ServerType::hello, hello.id);
    answer.version = protocol::version;
    std::string why;
    bool refused = false;
    SECTION("version") {
        answer.version = 9;
        why = "version 9";
    }
    SECTION("secret") {
        answer.flags = protocol::flag_authenticated;
        why = "asks for a secret";
        refused = true;
    }
    SECTION("busy") {
        answer = server(ServerType::answer, hello.id, Status::busy);
        why = "it is full";
    }
    scene.far->send(answer);
    scene.far->deliver(scene.now);
    CHECK(scene.far->link().phase() == ServerLink::Phase::dead);
    CHECK(scene.far->link().was_refused() == refused);
    CHECK_THAT(scene.far->link().why_dead(), Catch::Contains(why));
}

TEST_CASE("why a server cannot be asked is kept as a reason") {
    Scene scene;
    const auto hello = scene.far->take(scene.now).at(0);
    auto answer = server(ServerType::hello, hello.id);
    DownReason reason{};
    std::string why;
    const auto refuse = [&](Status status) { answer = server(ServerType::answer, 0, status); };
    SECTION("full") {
        refuse(Status::busy);
        reason = DownReason::full;
        why = "it is full";
    }
    SECTION("closing") {
        refuse(Status::closing);
        reason = DownReason::closing;
        why = "it is about to end";
    }
    SECTION("closing, pushed") {
        answer = server(ServerType::closing, 0);
        reason = DownReason::closing;
        why = "it is about to end";
    }
    SECTION("not let in") {
        refuse(Status::not_let_in);
        reason = DownReason::not_let_in;
        why = "not let in";
    }
    SECTION("another version") {
        answer.version = 9;
        reason = DownReason::other_version;
        why = "it speaks version 9 of the protocol, this host 1";
    }
    SECTION("a status that is known, but makes no sense") {
        refuse(Status::bad_request);
        reason = DownReason::refused;
        why = "it refused, with status bad_request";
    }
    SECTION("an unknown one") {
        refuse(static_cast<Status>(77));
        reason = DownReason::refused;
        why = "it refused, with status 77, which this host does not know";
    }
    scene.far->send(answer);
    scene.far->deliver(scene.now);
    CHECK(scene.far->link().phase() == ServerLink::Phase::dead);
    CHECK(scene.far->link().why_down() == reason);
    CHECK(scene.far->link().why_dead() == why);
}

TEST_CASE("what is no Shoal peer is told as what it is") {
    for (const auto& [bytes, why] : std::vector<std::pair<std::string, std::string>>{
             {"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP answers on that port"},
             {"SSH-2.0-OpenSSH_9.2\r\n", "it says 'SSH-2.0-OpenSSH_'"},
             {"2", "it says '2'"}}) {
        Scene scene;
        scene.far->take(scene.now);
        scene.far->send_raw(bytes);
        scene.far->deliver(scene.now);
        CHECK(scene.far->link().phase() == ServerLink::Phase::dead);
        CHECK(scene.far->link().why_down() == DownReason::not_shoal);
        CHECK_THAT(scene.far->link().why_dead(), Catch::Contains(why));
    }
    Scene scene;
    scene.far->take(scene.now);
    const std::string broken = "SHL1" + std::string(124, '\xff');
    scene.far->send_raw(broken);
    scene.far->deliver(scene.now);
    CHECK(scene.far->link().why_down() == DownReason::broken_protocol);
}

TEST_CASE("a refusal is told in words of its own") {
    CHECK(refusal_text(Status::changed) == "the file has changed there");
    CHECK(refusal_text(Status::not_found) == "the file is not there any more");
    CHECK(refusal_text(Status::io_error) == "its disk failed");
    CHECK(refusal_text(Status::bad_request) == "it refused, with status bad_request");
    CHECK(refusal_text(static_cast<Status>(77)) ==
          "it refused, with status 77, which this host does not know");
}

TEST_CASE("answers reach who asked, pending ones twice, in any order") {
    Scene scene;
    scene.far->say_hello(scene.now);
    std::vector<std::pair<int, Status>> answers;
    const auto asking = [&](int who) {
        return [&answers, who](ServerLink&, const Reply& reply, TimePoint) {
            answers.emplace_back(who, reply.status());
        };
    };
    const auto first = scene.far->link().ask(client(ClientType::query, 0), nullptr, asking(1));
    const auto second = scene.far->link().ask(client(ClientType::query, 0), nullptr, asking(2));
    scene.far->send(server(ServerType::file, first, Status::pending));
    scene.far->refuse(second, Status::not_found);
    scene.far->send(server(ServerType::file, first));
    scene.far->refuse(first, Status::not_found);  // one too many: nobody's
    scene.far->deliver(scene.now);
    CHECK(answers == std::vector<std::pair<int, Status>>{
                         {1, Status::pending}, {2, Status::not_found}, {1, Status::ok}});
}

TEST_CASE("data comes to its sink in order and counts as received") {
    Scene scene;
    scene.far->say_hello(scene.now);
    const auto request = scene.request({{0}, 8}, 77);
    const std::vector<std::uint8_t> bytes(8 * limits::leaf_size, 5);
    scene.far->send_data(request, bytes);
    scene.far->deliver(scene.now);
    CHECK(scene.sink.received == bytes.size());
    CHECK(scene.sink.done == 1);
    CHECK(scene.sink.last_token == 77);
    CHECK(scene.far->link().asked() == 0);
    CHECK(scene.far->link().bytes_received() == bytes.size());
}

TEST_CASE("another run may come where that was agreed to, and none longer") {
    Scene scene;
    scene.far->say_hello(scene.now);
    auto request = scene.request({{0}, 4}, 77, true);
    CHECK((request.flags & protocol::flag_substitute) != 0);
    request.first = 8;
    SECTION("shorter") {
        request.count = 2;
        scene.far->send_data(request, std::vector<std::uint8_t>(2 * limits::leaf_size));
        scene.far->deliver(scene.now);
        CHECK(scene.sink.given == std::vector<LeafRun>{{{8}, 2}});
        CHECK(scene.sink.received == 2 * limits::leaf_size);
        CHECK(scene.sink.done == 1);
    }
    SECTION("longer") {
        request.first = 4;
        request.count = 5;
        scene.far->send_data(request, std::vector<std::uint8_t>(5 * limits::leaf_size));
        scene.far->deliver(scene.now);
        CHECK(scene.far->link().phase() == ServerLink::Phase::dead);
        CHECK(scene.sink.given.empty());
    }
}

TEST_CASE("only the message right behind data can call it stale") {
    Scene scene;
    scene.far->say_hello(scene.now);
    const auto request = scene.request({{0}, 1}, 77);
    scene.far->send_data(request, std::vector<std::uint8_t>(limits::leaf_size));
    SECTION("it does") {
        scene.far->refuse(request.id, Status::changed);
        scene.far->deliver(scene.now);
        CHECK(scene.sink.refusals ==
              std::vector<std::pair<std::uint64_t, Status>>{{77, Status::changed}});
    }
    SECTION("something else comes first") {
        scene.far->refuse(999, Status::not_found);
        scene.far->refuse(request.id, Status::changed);
        scene.far->deliver(scene.now);
        CHECK(scene.sink.refusals.empty());
    }
    SECTION("nobody cares any more") {
        scene.far->link().forget(&scene.sink);
        scene.far->refuse(request.id, Status::changed);
        scene.far->deliver(scene.now);
        CHECK(scene.sink.refusals.empty());
    }
}

TEST_CASE("data that nobody asked for is thrown away; in another shape it ends the link") {
    Scene scene;
    scene.far->say_hello(scene.now);
    auto request = scene.request({{0}, 1}, 77);
    const std::vector<std::uint8_t> bytes(limits::leaf_size);
    SECTION("nobody's") {
        request.id = 4242;
        scene.far->send_data(request, bytes);
        scene.far->deliver(scene.now);
        CHECK(scene.wiring.figures.unwanted_data == bytes.size());
        CHECK(scene.far->link().usable());
    }
    SECTION("another leaf") {
        request.first = 1;
        scene.far->send_data(request, bytes);
        scene.far->deliver(scene.now);
        CHECK(scene.far->link().phase() == ServerLink::Phase::dead);
    }
    SECTION("another file") {
        request.digest = protocol::samples::digest_from(1);
        scene.far->send_data(request, bytes);
        scene.far->deliver(scene.now);
        CHECK(scene.far->link().phase() == ServerLink::Phase::dead);
    }
    CHECK(scene.sink.received == 0);
}

TEST_CASE("a subscription hears of growth until it is given up") {
    Scene scene;
    scene.far->say_hello(scene.now);
    std::uint32_t grown = 0;
    const auto id = scene.far->link().subscribe(
        file, &scene, [](ServerLink&, const Reply&, TimePoint) {},
        [&](ServerLink&, ChunkIndex, std::uint32_t count, TimePoint) { grown += count; });
    auto have = server(ServerType::have, id);
    have.count = 2;
    scene.far->send(have);
    scene.far->deliver(scene.now);
    CHECK(grown == 2);
    scene.far->send(have, std::vector<std::uint8_t>{3, 0, 0, 0, 9, 0, 0, 0});
    scene.far->deliver(scene.now);
    CHECK(grown == 6);
    scene.far->link().unsubscribe(id);
    scene.far->send(have);
    scene.far->deliver(scene.now);
    CHECK(grown == 6);
    CHECK(scene.far->take(ClientType::unsubscribe, scene.now).at(0).first == id);
}

TEST_CASE("when the link is lost, everybody who waits is told, but those who left") {
    Scene scene;
    scene.far->say_hello(scene.now);
    int lost = 0;
    const auto asking = [&lost](ServerLink&, const Reply& reply, TimePoint) {
        lost += reply.lost() ? 1 : 0;
    };
    scene.far->link().ask(client(ClientType::query, 0), &scene, asking);
    scene.far->link().ask(client(ClientType::query, 0), &lost, asking);
    scene.far->link().request(file, {{0}, 1}, false, scene.sink, 5);
    scene.far->link().forget(&lost);
    scene.far->hang_up();
    scene.far->deliver(scene.now);
    REQUIRE(scene.far->link().phase() == ServerLink::Phase::dead);
    scene.far->link().tell_lost(scene.now);
    scene.far->link().tell_lost(scene.now);
    CHECK(lost == 1);
    CHECK(scene.sink.refusals.size() == 1);
}

TEST_CASE("a server that drains is asked no more, and what is under way arrives") {
    Scene scene;
    scene.far->say_hello(scene.now);
    const auto request = scene.request({{0}, 1}, 77);
    scene.far->send(server(ServerType::closing, 0, Status::closing));
    scene.far->send_data(request, std::vector<std::uint8_t>(limits::leaf_size));
    scene.far->deliver(scene.now);
    CHECK(scene.far->link().phase() == ServerLink::Phase::closing);
    CHECK(scene.servers.usable(scene.far->id()) == nullptr);
    CHECK(scene.sink.done == 1);
}

TEST_CASE("no more is received than the budget") {
    Scene scene;
    scene.far->say_hello(scene.now);
    const auto request = scene.request({{0}, 4}, 77);
    scene.far->send_data(request, std::vector<std::uint8_t>(4 * limits::leaf_size));
    CHECK(scene.far->link().receive(20'000, scene.now) == 20'000);
    CHECK(scene.sink.received < 4 * limits::leaf_size);
    scene.far->deliver(scene.now);
    CHECK(scene.sink.received == 4 * limits::leaf_size);
}

TEST_CASE("a turn handles a bounded part of a flood of messages, and the rest in later ones") {
    Scene scene;
    scene.far->say_hello(scene.now);
    std::size_t heard = 0;
    const std::uint64_t id = scene.far->link().subscribe(
        file, nullptr, [](ServerLink&, const Reply&, TimePoint) {},
        [&heard](ServerLink&, ChunkIndex, std::uint32_t, TimePoint) { ++heard; });
    auto have = server(ServerType::have, id);
    have.count = 1;
    const std::vector<std::uint8_t> more(limits::more_chunks_max * sizeof(std::uint32_t));
    const std::size_t size = limits::server_message_size + more.size();
    constexpr std::size_t sent = 24;  // 100 KiB
    for (std::size_t i = 0; i < sent; ++i) {
        scene.far->send(have, more);
    }
    int turns = 0;
    do {
        const std::size_t before = heard;
        scene.far->deliver(scene.now);
        const std::size_t messages = (heard - before) / (1 + limits::more_chunks_max);
        CHECK(messages <= ServerLink::control_quantum / size + 1);
        ++turns;
    } while (scene.far->link().input_waits());
    CHECK(heard == sent * (1 + limits::more_chunks_max));
    CHECK(turns >= 2);
}

TEST_CASE("a server that takes nothing of what it is asked is let go") {
    Scene scene;
    scene.far->say_hello(scene.now);
    std::size_t asked = 0;
    while (scene.far->link().usable() && asked < 1'000'000) {
        scene.far->link().ask(client(ClientType::status, 0), nullptr,
                              [](ServerLink&, const Reply&, TimePoint) {});
        ++asked;
    }
    CHECK(asked > 1024);
    CHECK(asked < 20'000);
}

}  // namespace
}  // namespace shoal::peer
