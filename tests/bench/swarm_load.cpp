// Load on a Shoal server: many clients of its protocol in one process. One epoll thread; nothing is
// written or hashed here, so that the server is what is measured.
//
//   swarm_load HOST PORT fetch CLIENTS TIMES NAME    bytes per second; slowest / fastest
//   swarm_load HOST PORT latency TIMES MS NAME       median microseconds of a run of 64 KiB, asked
//                                                    for so long after the last one was here
//   swarm_load HOST PORT idle CLIENTS                says so when all are let in; stays until told
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/time.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/net/address.hpp"
#include "shoal/net/epoll_poller.hpp"
#include "shoal/net/socket.hpp"
#include "shoal/protocol/codec.hpp"

namespace {

using namespace shoal;
using protocol::ClientType;
using protocol::ServerType;

// As a client's window over one fast source: 1.5 MiB in runs of 256 KiB.
constexpr std::uint32_t run_leaves = 16;
constexpr std::uint64_t outstanding_max = 96;  // leaves
constexpr std::uint32_t receive_room = 4 * limits::MiB;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "swarm_load: %s\n", why.c_str());
    std::exit(1);
}

double seconds_since(TimePoint start) {
    return std::chrono::duration<double>(steady_now() - start).count();
}

class Client {
  public:
    explicit Client(const net::Address& server) {
        Result<Fd> socket = net::start_connect(server, {});
        if (!socket) {
            give_up(socket.error().message);
        }
        fd_ = std::move(*socket);
        net::set_no_delay(fd_.get());
        net::make_receive_room(fd_.get(), receive_room);
        wait(POLLOUT);
        if (net::connect_outcome(fd_.get()) != 0) {
            give_up("cannot connect to " + server.to_string());
        }
        protocol::clientMessage hello;
        hello.version = protocol::version;
        random_bytes(hello.nodeId.bytes);
        random_bytes(hello.digest.bytes);
        ask(ClientType::hello, hello);
    }

    [[nodiscard]] int fd() const { return fd_.get(); }
    // Waits for the answer to what was asked last, which is no data.
    protocol::serverMessage answer();
    integrity::FileId query(const std::string& name);
    // Asks for the leaves of the file in order, `times` over, as far as the window allows.
    void fetch(const integrity::FileId& file, std::uint64_t times) {
        file_ = file;
        asked_ = arrived_ = 0;
        wanted_ = integrity::Geometry(file.size).leaf_count() * times;
        ask_on();
    }
    // Takes in what has come and asks for more. True when all is here.
    bool take(std::span<std::uint8_t> scratch);
    // Seconds of one run, alone.
    double time_run(const integrity::FileId& file, LeafRun run, std::span<std::uint8_t> scratch);

  private:
    void wait(short events) const {
        pollfd one{fd_.get(), events, 0};
        if (::poll(&one, 1, 10'000) != 1) {
            give_up("the server does not answer");
        }
    }
    void ask(ClientType type, protocol::clientMessage message) {
        message.type = static_cast<std::uint16_t>(type);
        message.id = ++last_id_;
        const protocol::ClientBytes raw = protocol::encode(message);
        if (net::send(fd_.get(), raw, false).bytes != raw.size()) {
            give_up("cannot send a message");
        }
    }
    void request(LeafRun run) {
        protocol::clientMessage message;
        message.fileSize = file_.size;
        message.digest = file_.root;
        message.first = run.first.value;
        message.count = run.count;
        ask(ClientType::request, message);
        asked_ += run.count;
    }
    void ask_on();
    std::span<const std::uint8_t> take_head(std::span<const std::uint8_t> bytes);
    void take_bytes(std::span<const std::uint8_t> bytes);

    Fd fd_;
    std::uint64_t last_id_{0};
    integrity::FileId file_;
    std::uint64_t wanted_{0}, asked_{0}, arrived_{0};  // leaves
    protocol::ServerBytes head_{};                     // half-received
    std::size_t head_size_{0};
    std::uint32_t arriving_{0};  // leaves of the run whose payload comes
    std::uint64_t payload_left_{0};
};

protocol::serverMessage Client::answer() {
    for (std::size_t have = 0; have < head_.size();) {
        wait(POLLIN);
        const net::Transfer got = net::receive(fd_.get(), std::span(head_).subspan(have));
        if (got.state != net::Transfer::State::moved) {
            give_up("the server closed a connection");
        }
        have += got.bytes;
    }
    const auto message = protocol::decode_server(head_);
    if (!message) {
        give_up(message.error().message);
    }
    if (message->status != 0 || message->payloadSize != 0) {
        give_up("the server refuses, status " + std::to_string(message->status));
    }
    return *message;
}

integrity::FileId Client::query(const std::string& name) {
    protocol::clientMessage message;
    message.set_path(name);
    ask(ClientType::query, message);
    const protocol::serverMessage file = answer();
    return {file.fileSize, file.digest};
}

void Client::ask_on() {
    const std::uint64_t leaves = integrity::Geometry(file_.size).leaf_count();
    while (asked_ < wanted_ && asked_ - arrived_ < outstanding_max) {
        const std::uint64_t first = asked_ % leaves;
        request({{first},
                 static_cast<std::uint32_t>(std::min<std::uint64_t>(run_leaves, leaves - first))});
    }
}

bool Client::take(std::span<std::uint8_t> scratch) {
    const net::Transfer got = net::receive(fd_.get(), scratch);
    if (got.state == net::Transfer::State::moved) {
        take_bytes(scratch.first(got.bytes));
    } else if (got.state != net::Transfer::State::would_block) {
        give_up("the server closed a connection");
    }
    ask_on();
    return arrived_ == wanted_;
}

// Moves the next head out of `bytes`; what it announces is what comes next.
std::span<const std::uint8_t> Client::take_head(std::span<const std::uint8_t> bytes) {
    const std::size_t taken = std::min(head_.size() - head_size_, bytes.size());
    std::copy_n(bytes.begin(), taken, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += taken;
    if (head_size_ == head_.size()) {
        const auto head = protocol::decode_server(head_);
        if (!head || head->type != static_cast<std::uint16_t>(ServerType::data)) {
            give_up("the server says something else than data");
        }
        head_size_ = 0;
        arriving_ = head->count;
        payload_left_ = head->payloadSize;
    }
    return bytes.subspan(taken);
}

// A run counts when its last byte is here.
void Client::take_bytes(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        if (payload_left_ == 0) {
            bytes = take_head(bytes);
            continue;
        }
        const std::size_t taken = std::min<std::size_t>(payload_left_, bytes.size());
        bytes = bytes.subspan(taken);
        payload_left_ -= taken;
        arrived_ += payload_left_ == 0 ? arriving_ : 0;
    }
}

double Client::time_run(const integrity::FileId& file, LeafRun run,
                        std::span<std::uint8_t> scratch) {
    const TimePoint start = steady_now();
    file_ = file;
    wanted_ = arrived_ + run.count;
    request(run);
    do {
        wait(POLLIN);
    } while (!take(scratch));
    return seconds_since(start);
}

using Clients = std::vector<std::unique_ptr<Client>>;

// All of them connected and let in.
Clients let_in(const net::Address& server, std::size_t count) {
    Clients clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(std::make_unique<Client>(server));
        clients.back()->answer();
    }
    return clients;
}

void fetch(const net::Address& server, std::size_t count, std::uint64_t times,
           const std::string& name) {
    const Clients clients = let_in(server, count);
    const integrity::FileId file = clients.front()->query(name);
    net::EpollPoller poller;
    std::vector<Client*> by_fd;
    for (const auto& client : clients) {
        const auto fd = static_cast<std::size_t>(client->fd());
        by_fd.resize(std::max(by_fd.size(), fd + 1));
        by_fd[fd] = client.get();
        if (!poller.watch(client->fd(), true, false)) {
            give_up("cannot watch a socket");
        }
    }
    std::vector<std::uint8_t> scratch(256 * limits::KiB);
    std::vector<double> took;
    const TimePoint start = steady_now();
    for (const auto& client : clients) {
        client->fetch(file, times);
    }
    while (took.size() < count) {
        const std::vector<net::Ready>& ready = poller.wait(10s);
        if (ready.empty()) {
            give_up("the server does not answer");
        }
        for (const net::Ready& one : ready) {
            if (by_fd[static_cast<std::size_t>(one.fd)]->take(scratch)) {
                took.push_back(seconds_since(start));
                poller.forget(one.fd);
            }
        }
    }
    const auto bytes = static_cast<double>(count * times * file.size);
    std::printf("%.0f %.3f\n", bytes / took.back(), took.back() / took.front());
}

void latency(const net::Address& server, std::size_t times, std::chrono::milliseconds pause,
             const std::string& name) {
    const Clients clients = let_in(server, 1);
    const integrity::FileId file = clients.front()->query(name);
    const std::uint64_t chunks = integrity::Geometry(file.size).leaf_count() / 4;
    std::vector<std::uint8_t> scratch(256 * limits::KiB);
    SmallRandom random(1);
    std::vector<double> took;
    for (std::size_t i = 0; i < times; ++i) {
        std::this_thread::sleep_for(pause);
        const LeafRun run{{random.below(chunks) * 4}, 4};
        took.push_back(clients.front()->time_run(file, run, scratch));
    }
    std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(times / 2),
                     took.end());
    std::printf("%.1f\n", took[times / 2] * 1e6);
}

void idle(const net::Address& server, std::size_t count) {
    const Clients clients = let_in(server, count);
    std::puts("ready");
    std::fflush(stdout);
    std::getchar();
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto number = [&words](std::size_t at) {
        return std::strtoul(words.at(at).c_str(), nullptr, 10);
    };
    const std::string what = words.size() > 3 ? words[2] : "";
    const auto server =
        what.empty() ? std::nullopt
                     : net::Address::parse_numeric(words[0], static_cast<std::uint16_t>(number(1)));
    raise_descriptor_limit();
    if (server && what == "fetch" && words.size() == 6) {
        fetch(*server, number(3), number(4), words[5]);
    } else if (server && what == "latency" && words.size() == 6) {
        latency(*server, number(3), std::chrono::milliseconds(number(4)), words[5]);
    } else if (server && what == "idle" && words.size() == 4) {
        idle(*server, number(3));
    } else {
        give_up("usage: HOST PORT fetch CLIENTS TIMES NAME | latency TIMES MS NAME | idle CLIENTS");
    }
    return 0;
}
