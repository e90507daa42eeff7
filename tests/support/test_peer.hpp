// TestPeer: a whole peer in this process, with a gateway that the test plays.
#pragma once

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "shoal/base/random.hpp"
#include "shoal/net/mailbox.hpp"
#include "shoal/peer/peer.hpp"
#include "temp_dir.hpp"

namespace shoal::test {

// Generous: it only ends what would hang.
inline constexpr auto patience = std::chrono::seconds(60);

// 127.x.y.N, x and y of this run, so that runs side by side do not meet.
inline std::string loopback(int last) {
    static const std::uint64_t seed = random_seed();
    return "127." + std::to_string(1 + seed % 250) + "." + std::to_string(seed / 256 % 250) + "." +
           std::to_string(last);
}

// Waits for what a call of the door answers: wait<T>([&](auto callback) { api.call(..., callback);
// })
template <typename T, typename Call>
Result<T> wait(Call call) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    call(peer::Callback<T>([promise](Result<T> result) { promise->set_value(std::move(result)); }));
    if (future.wait_for(patience) != std::future_status::ready) {
        throw std::runtime_error("no answer came");
    }
    return future.get();
}

// Has nothing to say but when it ends.
class QuietFront final : public peer::FrontEnd {
  public:
    void start(peer::PeerApi&, TimePoint) override {}
    [[nodiscard]] int input_fd() const override { return wake_.fd(); }
    void handle_input(TimePoint) override { wake_.drain(); }
    void handle_signal(int, TimePoint) override {}
    [[nodiscard]] std::optional<int> finished() const override {
        return ended_ ? std::optional(0) : std::nullopt;
    }
    void deliver(const peer::Event&) override {}
    void end() {
        ended_ = true;
        wake_.wake();
    }

  private:
    net::WakeUp wake_;
    std::atomic<bool> ended_{false};
};

class TestPeer {
  public:
    // `hosts`: last numbers of the addresses of the others.
    TestPeer(int last, std::vector<int> hosts) : address_(loopback(last)) {
        std::ofstream file(dir / "hosts.txt");
        for (const int host : hosts) {
            file << loopback(host) << '\n';
        }
        options.bind = address_;
        options.hosts_file = dir / "hosts.txt";
        options.shared = dir / "shared";
        options.downloads = dir / "downloads";
        options.state = dir / ".shoal";
    }
    ~TestPeer() { stop(); }
    TestPeer(const TestPeer&) = delete;
    TestPeer& operator=(const TestPeer&) = delete;

    void start() {
        std::promise<void> up;
        gateway_ = std::make_unique<Gateway>(up);
        front_ = std::make_unique<QuietFront>();
        main_ = std::thread([this] {
            std::vector<peer::Service*> services{gateway_.get()};
            services.insert(services.end(), others.begin(), others.end());
            const auto code = peer::run_peer(options, *front_, services);
            exit_code = code ? *code : -1;
        });
        if (up.get_future().wait_for(patience) != std::future_status::ready) {
            throw std::runtime_error("the peer does not start");
        }
    }
    void stop() {
        if (main_.joinable()) {
            front_->end();
            main_.join();
        }
    }
    [[nodiscard]] peer::GatewayApi& api() { return *gateway_->api; }

    // Until `count` hosts are connected.
    void wait_hosts(std::uint32_t count) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (api().hosts_connected() != count) {
            if (std::chrono::steady_clock::now() > end) {
                throw std::runtime_error("the hosts do not connect");
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    TempDir dir;
    peer::PeerOptions options;
    std::vector<peer::Service*> others;  // beside the gateway that the test plays
    std::atomic<int> exit_code{-2};

  private:
    class Gateway final : public peer::Service {
      public:
        explicit Gateway(std::promise<void>& up) : up_(&up) {}
        Status open() override { return {}; }
        void start(peer::GatewayApi& door, std::function<void(Status)> ended) override {
            api = &door;
            ended_ = std::move(ended);
            up_->set_value();
        }
        void stop() override { ended_({}); }
        void join() override {}
        peer::GatewayApi* api{};

      private:
        std::promise<void>* up_;
        std::function<void(Status)> ended_;
    };
    std::string address_;
    std::unique_ptr<Gateway> gateway_;
    std::unique_ptr<QuietFront> front_;
    std::thread main_;
};

}  // namespace shoal::test
