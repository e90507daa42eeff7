// A connection behind the handshake: what it needs next, and that it never waits by itself.
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>

#include "../support/fake_gateway_api.hpp"
#include "gateway/json/berth.hpp"
#include "gateway/json/connection.hpp"
#include "gateway/json/work_queue.hpp"
#include "shoal/net/socket.hpp"

using namespace shoal;
using namespace shoal::gateway::json;

namespace {

constexpr const char* get_a = "{\"request_type\":\"GET\",\"body\":{\"rel_endpoint\":\"a.txt\"}}\n";
constexpr const char* ping = "{\"request_type\":\"PING\"}\n";

class Scene {
  public:
    Scene() {
        int ends[2] = {-1, -1};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        client_ = Fd(ends[0]);
        shared.api = &api;
        shared.rights = {{".txt"}, true};
        connection =
            std::make_unique<Connection>(1, Fd(ends[1]), SessionMacs{}, "", [this] { ++wakes; });
    }

    void say(std::string_view text) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
        REQUIRE(net::send(client_.get(), std::span(bytes, text.size()), false).bytes ==
                text.size());
    }
    void hang_up() { REQUIRE(::shutdown(client_.get(), SHUT_WR) == 0); }
    Turn work() { return connection->work(shared, scratch_); }
    // Works until it needs something else than a turn.
    Turn work_on() {
        Turn turn = work();
        while (turn == Turn::again) {
            turn = work();
        }
        return turn;
    }
    // What has come so far; `closed` when nothing more will.
    std::string heard() {
        std::string text;
        for (;;) {
            const net::Transfer got = net::receive(client_.get(), scratch_);
            closed = got.state == net::Transfer::State::closed;
            if (got.state != net::Transfer::State::moved) {
                return text;
            }
            text.append(scratch_.begin(),
                        scratch_.begin() + static_cast<std::ptrdiff_t>(got.bytes));
        }
    }

    test::FakeGatewayApi api;
    Shared shared;
    std::unique_ptr<Connection> connection;
    int wakes{0};
    bool closed{false};

  private:
    Fd client_;
    std::vector<std::uint8_t> scratch_ = std::vector<std::uint8_t>(64 * 1024);
};

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

}  // namespace

TEST_CASE("requests sent ahead are answered in one turn", "[gateway][connection]") {
    Scene scene;
    scene.api.files["a.txt"] = "hello";
    scene.say(std::string(get_a) + ping + get_a);
    CHECK(scene.work_on() == Turn::wants_read);
    const std::string heard = scene.heard();
    CHECK(count(heard, "hello") == 2);
    CHECK(heard.find("pong") > heard.find("hello"));
    CHECK(scene.api.opened == 1);  // the second time from memory
    CHECK(scene.connection->idle());
}

TEST_CASE("who waits for the peer gives the thread back, and is woken", "[gateway][connection]") {
    Scene scene;
    scene.api.files["a.txt"] = "hello";
    scene.api.slow = true;
    scene.say(std::string(get_a) + ping);
    REQUIRE(scene.work_on() == Turn::waits);
    CHECK(scene.heard().empty());
    CHECK(scene.wakes == 0);
    scene.api.slow = false;
    scene.api.release();
    CHECK(scene.wakes == 1);
    CHECK(scene.work_on() == Turn::wants_read);
    const std::string heard = scene.heard();
    CHECK(heard.find("hello") < heard.find("pong"));
}

TEST_CASE("whose patience ends is told, and may go on", "[gateway][connection]") {
    Scene scene;
    scene.api.files["a.txt"] = "hello";
    scene.api.slow = true;
    scene.say(get_a);
    REQUIRE(scene.work_on() == Turn::waits);
    scene.connection->expire();
    CHECK(scene.work_on() == Turn::wants_read);
    CHECK(scene.heard().find("\"status\":43") != std::string::npos);
    scene.api.release();  // comes too late and does no harm
    scene.say(ping);
    CHECK(scene.work_on() == Turn::wants_read);
    CHECK(scene.heard().find("pong") != std::string::npos);
}

TEST_CASE("who does not read holds little memory and no thread", "[gateway][connection]") {
    Scene scene;
    scene.api.files["a.txt"] = std::string(60'000, 'x');
    std::string many;
    for (int i = 0; i < 200; ++i) {
        many += get_a;
    }
    scene.say(many);
    REQUIRE(scene.work_on() == Turn::wants_write);
    CHECK(scene.work_on() == Turn::wants_write);
    std::size_t bytes = 0;
    for (int turns = 0; turns < 1000 && bytes < 200 * 60'000; ++turns) {
        bytes += count(scene.heard(), "x");
        scene.work_on();
    }
    CHECK(bytes >= 200 * 60'000);
}

TEST_CASE("content of a refused request is skipped", "[gateway][connection]") {
    Scene scene;
    scene.say(
        "{\"request_type\":\"NO\",\"content_length\":30}\n{\"request_type\":\"PING\"}\n012345");
    scene.say(ping);
    CHECK(scene.work_on() == Turn::wants_read);
    const std::string heard = scene.heard();
    CHECK(heard.find("\"status\":22") != std::string::npos);
    CHECK(count(heard, "pong") == 1);
}

TEST_CASE("after what cannot be framed comes a status, then the end", "[gateway][connection]") {
    Scene scene;
    scene.say(std::string("{\"a\":1,\"a\":2}\n") + ping);
    CHECK(scene.work_on() == Turn::wants_read);  // lingers, so that the status is not lost
    const std::string heard = scene.heard();
    CHECK(heard.find("\"status\":20") != std::string::npos);
    CHECK(heard.find("pong") == std::string::npos);
    CHECK(scene.closed);
    scene.hang_up();
    CHECK(scene.work_on() == Turn::closed);
}

TEST_CASE("who says all and hangs up is answered all the same", "[gateway][connection]") {
    Scene scene;
    scene.say(std::string(ping) + ping + "{\"requ");
    scene.hang_up();
    CHECK(scene.work_on() == Turn::closed);
    CHECK(count(scene.heard(), "pong") == 2);
}

TEST_CASE("a fetch that nobody watches any more is cancelled", "[gateway][connection]") {
    Scene scene;
    scene.say("{\"request_type\":\"FETCH\",\"body\":{\"rel_endpoint\":\"a.txt\"}}\n");
    REQUIRE(scene.work_on() == Turn::waits);
    peer::FetchProgress progress;
    progress.fetch = FetchId{1};
    progress.done = 5;
    scene.shared.events.deliver(progress);
    progress.done = 7;
    scene.shared.events.deliver(progress);
    CHECK(scene.wakes == 1);
    REQUIRE(scene.work_on() == Turn::waits);
    const std::string heard = scene.heard();
    CHECK(count(heard, "progress") == 1);  // of what nobody had looked at, the last
    CHECK(heard.find("\"done\":7") != std::string::npos);
    scene.connection.reset();
    CHECK(scene.api.cancelled == std::vector<FetchId>{FetchId{1}});
    scene.shared.events.deliver(progress);  // and nobody is there
}

TEST_CASE("fetches that nobody waits for have a bound", "[gateway][connection]") {
    Scene scene;
    const char* fetch =
        "{\"request_type\":\"FETCH\",\"body\":{\"rel_endpoint\":\"a.txt\",\"wait\":false}}\n";
    const auto ask = [&] {
        scene.say(fetch);
        REQUIRE(scene.work_on() == Turn::wants_read);
        return scene.heard();
    };
    for (std::size_t i = 1; i <= EventRouter::unwatched_max; ++i) {
        CHECK(count(ask(), "\"fetch\":" + std::to_string(i)) == 1);
    }
    CHECK(count(ask(), "\"status\":50") == 1);
    peer::FetchProgress progress;
    progress.fetch = FetchId{7};
    scene.shared.events.deliver(progress);
    CHECK(count(ask(), "\"status\":50") == 1);
    peer::FetchDone done;
    done.fetch = FetchId{7};
    scene.shared.events.deliver(done);
    CHECK(count(ask(), "begun") == 1);
    CHECK(count(ask(), "\"status\":50") == 1);
    scene.connection.reset();
    CHECK(scene.api.cancelled.empty());  // they go on
}

TEST_CASE("a search that nobody waits for any more is stopped", "[gateway][connection]") {
    Scene scene;
    const char* search = "{\"request_type\":\"SEARCH\",\"body\":{\"name\":\"a\"}}\n";
    scene.say(search);
    REQUIRE(scene.work_on() == Turn::waits);
    peer::SearchResults results;
    results.order = 1;
    results.files.resize(2);
    results.files[0].name = "b/a.txt";
    results.files[1].name = "b/a.exe";  // not among --json-allow
    scene.shared.events.deliver(results);
    REQUIRE(scene.work_on() == Turn::wants_read);
    const std::string heard = scene.heard();
    CHECK(heard.find("b/a.txt") != std::string::npos);
    CHECK(heard.find("b/a.exe") == std::string::npos);
    CHECK(scene.api.cancelled_searches.empty());
    scene.say(search);
    REQUIRE(scene.work_on() == Turn::waits);
    scene.connection.reset();
    CHECK(scene.api.cancelled_searches == std::vector<std::uint64_t>{2});
}

TEST_CASE("news that comes while a thread has the connection is not lost", "[gateway][berth]") {
    Scene scene;
    Berth berth;
    const TimePoint now{};
    CHECK_FALSE(berth.take());  // not here: it has news now
    CHECK(berth.put(scene.connection, Turn::wants_read, now) == Berth::Put::has_news);
    REQUIRE(scene.connection);
    CHECK(berth.put(scene.connection, Turn::wants_read, now) == Berth::Put::parked);
    CHECK_FALSE(scene.connection);
    scene.connection = berth.take();
    REQUIRE(scene.connection);
    CHECK(berth.put(scene.connection, Turn::wants_read, now) == Berth::Put::parked);
    std::optional<TimePoint> next;
    CHECK_FALSE(berth.take_late(now, next));
    REQUIRE(next);
    CHECK(*next > now);
    scene.connection = berth.take_late(*next, next);
    REQUIRE(scene.connection);
    berth.begin_closing();
    CHECK(berth.put(scene.connection, Turn::wants_read, now) == Berth::Put::closing);
    CHECK(scene.connection);
}

TEST_CASE("the queue is bounded for those who begin", "[gateway][queue]") {
    Scene first;
    Scene second;
    WorkQueue queue(1);
    Work one{std::move(first.connection), nullptr};
    Work two{std::move(second.connection), nullptr};
    CHECK(queue.push(one, true));
    CHECK_FALSE(queue.push(two, true));
    REQUIRE(two.connection);  // still the caller's
    CHECK(queue.push(two, false));
    CHECK(queue.pop().connection);
    queue.close();
    CHECK_FALSE(queue.pop().connection);
}
