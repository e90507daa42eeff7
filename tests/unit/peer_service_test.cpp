// Services that cannot begin, or not go on.
#include <catch2/catch.hpp>

#include "../support/test_gateway.hpp"

namespace shoal::peer {
namespace {

using test::await;
using test::TestPeer;

class PlayedService final : public Service {
  public:
    Status open() override { return opens; }
    void start(GatewayApi&, std::function<void(Status)> ended) override {
        ended_ = std::move(ended);
        started = true;
    }
    void stop() override {
        stopped = true;
        if (drains) {
            ended_({});
        }
    }
    void join() override { joined = true; }
    void end(Status how) { ended_(std::move(how)); }

    Status opens;
    bool drains{true};  // at once; else by end()
    std::atomic<bool> started{false};
    std::atomic<bool> stopped{false};
    std::atomic<bool> joined{false};

  private:
    std::function<void(Status)> ended_;
};

TEST_CASE("a service that cannot go on ends the peer, once the others have drained") {
    TestPeer peer(2, {});
    PlayedService failing;
    PlayedService slow;
    slow.drains = false;
    peer.others = {&failing, &slow};
    peer.start();
    await([&] { return failing.started && slow.started; });

    failing.end(Error{ErrorKind::system, "the played service fails"});
    await([&] { return slow.stopped.load(); });
    CHECK(!failing.stopped);
    // The threads work on for those that drain.
    CHECK(test::put(peer.api(), "late", Bytes(1000)).ok());
    CHECK(peer.exit_code == -2);
    CHECK(!slow.joined);
    slow.end({});
    await([&] { return peer.exit_code != -2; });
    CHECK(peer.exit_code == static_cast<int>(Outcome::failed));
    CHECK((failing.joined && slow.joined));
}

TEST_CASE("a service that cannot begin ends the peer before anything runs") {
    TestPeer peer(2, {});
    PlayedService good;
    PlayedService bad;
    bad.opens = Error{ErrorKind::system, "its port is taken"};
    test::QuietFront front;
    Service* services[] = {&good, &bad};
    const auto code = run_peer(peer.options, front, services);
    REQUIRE(!code.ok());
    CHECK(code.error().message == "its port is taken");
    CHECK((!good.started && !bad.started && !good.stopped));
}

}  // namespace
}  // namespace shoal::peer
