// GETs of one small file from a JSON gateway, as fast as it answers: requests a second, latency.
//
//     bench_json ADDRESS PORT SECRET_FILE NAME [CONNECTIONS] [AHEAD] [SECONDS]
//
// One thread drives all connections; on each, AHEAD requests are under way (1: the next one is
// sent when the answer to the last is here, and its content checked by MAC). An open gateway
// has SECRET_FILE "-".
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "gateway/json/client.hpp"
#include "shoal/net/epoll_poller.hpp"
#include "shoal/net/socket.hpp"

using namespace shoal;
using namespace shoal::gateway::json;

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "bench_json: %s\n", why.c_str());
    std::exit(1);
}

struct Link {
    Client::Parts parts;
    std::deque<Clock::time_point> sent;
    std::uint64_t content_left{0};
};

class Bench {
  public:
    Bench(std::string request, std::size_t ahead) : request_(std::move(request)), ahead_(ahead) {}

    void add(Client client) {
        links_.push_back(std::make_unique<Link>(Link{std::move(client).take_apart(), {}, 0}));
        fds_.push_back(links_.back()->parts.socket.get());
        if (!poller_.watch(fds_.back(), true, false)) {
            give_up("cannot watch a socket");
        }
        ask(*links_.back());
    }

    // Microseconds of every request that was answered.
    std::vector<double> run(double seconds) {
        const auto end = Clock::now() + std::chrono::duration<double>(seconds);
        while (Clock::now() < end) {
            for (const net::Ready& ready : poller_.wait(std::chrono::seconds(5))) {
                const auto at = std::find(fds_.begin(), fds_.end(), ready.fd) - fds_.begin();
                handle(*links_[static_cast<std::size_t>(at)]);
            }
        }
        return std::move(latencies_);
    }

  private:
    void ask(Link& link) {
        while (link.sent.size() < ahead_) {
            link.parts.out.line(request_);
            link.sent.push_back(Clock::now());
        }
        const auto waiting = link.parts.out.waiting();
        const net::Transfer sent = net::send(link.parts.socket.get(), waiting, false);
        if (sent.bytes != waiting.size()) {
            give_up("the gateway takes no more");
        }
        link.parts.out.sent(sent.bytes);
    }

    void handle(Link& link) {
        const net::Transfer got = net::receive(link.parts.socket.get(), scratch_);
        if (got.state != net::Transfer::State::moved) {
            give_up("the gateway is gone");
        }
        link.parts.in.feed(std::span<const std::uint8_t>(scratch_).first(got.bytes));
        bool more = true;
        while (more) {
            more = link.content_left > 0 ? take_content(link) : take_line(link);
        }
        ask(link);
    }

    static bool take_line(Link& link) {
        std::string_view line;
        if (link.parts.in.next_line(line) != MessageReader::Got::something) {
            return false;
        }
        const std::size_t at = line.find("\"content_length\":");
        if (at == line.npos) {
            give_up(std::string(line));
        }
        link.content_left = std::strtoull(line.data() + at + 17, nullptr, 10);
        return true;
    }

    bool take_content(Link& link) {
        std::span<const std::uint8_t> bytes;
        if (link.parts.in.next_content(link.content_left, bytes) != MessageReader::Got::something) {
            return false;
        }
        link.content_left -= bytes.size();
        if (link.content_left == 0) {
            const std::chrono::duration<double, std::micro> took = Clock::now() - link.sent.front();
            latencies_.push_back(took.count());
            link.sent.pop_front();
        }
        return true;
    }

    std::string request_;
    std::size_t ahead_;
    std::vector<std::unique_ptr<Link>> links_;
    std::vector<int> fds_;
    net::EpollPoller poller_;
    std::vector<double> latencies_;
    std::vector<std::uint8_t> scratch_ = std::vector<std::uint8_t>(256 * 1024);
};

double argument(int argc, char** argv, int index, double otherwise) {
    return argc > index ? std::strtod(argv[index], nullptr) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        give_up("ADDRESS PORT SECRET_FILE NAME [CONNECTIONS] [AHEAD] [SECONDS]");
    }
    const auto address = net::Address::parse_numeric(
        argv[1], static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10)));
    integrity::Secret secret;
    if (argv[3] != std::string("-")) {
        auto loaded = integrity::Secret::load(argv[3]);
        if (!loaded) {
            give_up(loaded.error().message);
        }
        secret = *loaded;
    }
    const double seconds = argument(argc, argv, 7, 3);
    Bench bench(std::string(R"({"request_type":"GET","body":{"rel_endpoint":")") + argv[4] + "\"}}",
                static_cast<std::size_t>(argument(argc, argv, 6, 1)));
    for (int i = 0; i < static_cast<int>(argument(argc, argv, 5, 8)); ++i) {
        auto client = Client::connect(*address, secret, std::chrono::seconds(10));
        if (!client) {
            give_up(client.error().message);
        }
        bench.add(std::move(*client));
    }
    std::vector<double> took = bench.run(seconds);
    if (took.empty()) {
        give_up("no answer came");
    }
    std::sort(took.begin(), took.end());
    const auto at = [&](double part) {
        return took[static_cast<std::size_t>(part * static_cast<double>(took.size() - 1))];
    };
    std::printf("%.0f requests/s  p50 %.0f us  p99 %.0f us  p99.9 %.0f us\n",
                static_cast<double>(took.size()) / seconds, at(0.5), at(0.99), at(0.999));
    return 0;
}
