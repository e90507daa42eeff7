// Load on an FTP server, any FTP server: how many anonymous logins a second, how soon a NOOP to all
// of many idle sessions is answered, how fast many clients fetch at once.
//
//   ftp_load HOST PORT logins SECONDS SESSIONS      logins per second, SESSIONS of them kept open,
//                                                   in one epoll loop
//   ftp_load HOST PORT fetch CLIENTS TIMES FILE     bytes per second; slowest / fastest: a thread
//                                                   for each client
//   ftp_load HOST PORT loop CLIENTS TIMES FILE      the same in one epoll loop
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/time.hpp"
#include "shoal/net/address.hpp"
#include "shoal/net/epoll_poller.hpp"
#include "shoal/net/socket.hpp"

namespace {

using namespace shoal;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "ftp_load: %s\n", why.c_str());
    std::exit(1);
}

double seconds_since(TimePoint start) {
    return std::chrono::duration<double>(steady_now() - start).count();
}

constexpr std::size_t receive_size = 1 << 18;
const std::array<std::string, 3> login_script{"USER anonymous\r\n", "PASS x\r\n", "TYPE I\r\n"};

// The last line of the next whole reply, taken out of what came; "" when it has not all come.
std::string take_reply(std::string& received) {
    for (std::size_t begin = 0;;) {
        const std::size_t end = received.find('\n', begin);
        if (end == std::string::npos) {
            return {};
        }
        std::string line = received.substr(begin, end - begin);
        begin = end + 1;
        if (line.size() > 3 && line[3] == ' ' && line[0] >= '1' && line[0] <= '5') {
            received.erase(0, begin);
            return line;
        }
    }
}

void say(const Fd& control, const std::string& line) {
    if (::write(control.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        give_up("cannot send a command");
    }
}

net::Address data_address(const net::Address& server, const std::string& reply_to_epsv) {
    const std::size_t at = reply_to_epsv.find("|||");
    if (at == std::string::npos) {
        give_up(reply_to_epsv);
    }
    return server.with_port(
        static_cast<std::uint16_t>(std::strtoul(reply_to_epsv.c_str() + at + 3, nullptr, 10)));
}

// Not waited for.
Fd connect_to(const net::Address& address, net::EpollPoller& poller) {
    Result<Fd> socket = net::start_connect(address, {});
    if (!socket) {
        give_up(socket.error().message);
    }
    net::set_no_delay(socket->get());
    if (!poller.watch(socket->get(), true, false)) {
        give_up("cannot watch a socket");
    }
    return std::move(*socket);
}

const std::vector<net::Ready>& wait_for_some(net::EpollPoller& poller) {
    const std::vector<net::Ready>& ready = poller.wait(10s);
    if (ready.empty()) {
        give_up("the server does not answer");
    }
    return ready;
}

// Adds what has come to `received`.
void read_replies(const Fd& control, std::span<std::uint8_t> buffer, std::string& received) {
    const net::Transfer got = net::receive(control.get(), buffer);
    if (got.state == net::Transfer::State::moved) {
        received.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    } else if (got.state != net::Transfer::State::would_block) {
        give_up("the server closed a connection: " + received);
    }
}

void print_fetched(std::uint64_t bytes, std::span<const double> seconds) {
    const auto [fastest, slowest] = std::minmax_element(seconds.begin(), seconds.end());
    std::printf("%.0f %.3f\n", static_cast<double>(bytes) / *slowest, *slowest / *fastest);
}

// A control connection that works off a script: a line for each final reply that arrives.
struct Control {
    Fd fd;
    std::string received;
    std::size_t step{0};
};

class Load {
  public:
    explicit Load(net::Address server) : server_(server) {}

    void logins(double seconds, std::size_t sessions);

  private:
    Control& open();
    void close(int fd);
    double ask_all(const std::vector<int>& sessions);

    net::Address server_;
    net::EpollPoller poller_;
    std::vector<std::unique_ptr<Control>> by_fd_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(1 << 20);
};

Control& Load::open() {
    Fd socket = connect_to(server_, poller_);
    const auto index = static_cast<std::size_t>(socket.get());
    if (index >= by_fd_.size()) {
        by_fd_.resize(index + 1);
    }
    by_fd_[index] = std::make_unique<Control>();
    by_fd_[index]->fd = std::move(socket);
    return *by_fd_[index];
}

// By a reset: thousands of ports in TIME_WAIT would make the client, not the server, the limit.
void Load::close(int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    poller_.forget(fd);
    by_fd_[static_cast<std::size_t>(fd)].reset();
}

// Seconds until each of them has answered a NOOP.
double Load::ask_all(const std::vector<int>& sessions) {
    const TimePoint asked = steady_now();
    for (const int fd : sessions) {
        say(by_fd_[static_cast<std::size_t>(fd)]->fd, "NOOP\r\n");
    }
    std::size_t answered = 0;
    while (answered < sessions.size()) {
        for (const net::Ready& one : wait_for_some(poller_)) {
            Control& control = *by_fd_[static_cast<std::size_t>(one.fd)];
            read_replies(control.fd, buffer_, control.received);
            answered += std::exchange(control.received, {}).starts_with("200") ? 1U : 0U;
        }
    }
    return seconds_since(asked);
}

// Logs in again and again, 64 at a time; the first `sessions` stay.
void Load::logins(double seconds, std::size_t sessions) {
    constexpr std::size_t at_once = 64;
    constexpr std::size_t steps = 2;  // of the script: no TYPE
    std::size_t done = 0;
    std::vector<int> kept;
    for (std::size_t i = 0; i < at_once; ++i) {
        open();
    }
    TimePoint start = steady_now();
    std::size_t counted_from = 0;
    while (kept.size() < sessions || seconds_since(start) < seconds) {
        for (const net::Ready& one : wait_for_some(poller_)) {
            Control& control = *by_fd_[static_cast<std::size_t>(one.fd)];
            read_replies(control.fd, buffer_, control.received);
            const std::string reply = take_reply(control.received);
            if (reply.empty()) {
                continue;
            }
            if (reply[0] > '3') {
                give_up(reply);
            }
            if (control.step < steps) {
                say(control.fd, login_script[control.step++]);
                continue;
            }
            ++done;
            if (kept.size() < sessions) {
                kept.push_back(one.fd);
                if (kept.size() == sessions) {
                    start = steady_now();
                    counted_from = done;
                }
            } else {
                close(one.fd);
            }
            open();
        }
    }
    const double rate = static_cast<double>(done - counted_from) / seconds_since(start);
    std::printf("%.0f %.4f\n", rate, ask_all(kept));
    std::fflush(stdout);
    std::getchar();  // sessions stay until the caller has looked
}

// One client that fetches a file `times` times, on blocking sockets, in a thread of its own.
class Fetcher {
  public:
    Fetcher(net::Address server, std::string file, int times)
        : server_(server), file_(std::move(file)), times_(times), control_(dial(server)) {
        reply();
        for (const std::string& line : login_script) {
            ask(line);
        }
    }
    void run(TimePoint start) {
        for (int i = 0; i < times_; ++i) {
            fetch_once();
        }
        seconds_ = seconds_since(start);
    }
    [[nodiscard]] double seconds() const { return seconds_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  private:
    static Fd dial(const net::Address& to) {
        Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd || ::connect(fd.get(), to.raw(), to.raw_size()) != 0) {
            give_up("cannot connect to " + to.to_string());
        }
        return fd;
    }
    std::string reply() {
        for (;;) {
            if (std::string line = take_reply(received_); !line.empty()) {
                return line;
            }
            read_replies(control_, buffer_, received_);
        }
    }
    std::string ask(const std::string& line) {
        say(control_, line);
        std::string said = reply();
        if (said[0] > '3') {
            give_up(said);
        }
        return said;
    }
    void fetch_once() {
        const Fd data = dial(data_address(server_, ask("EPSV\r\n")));
        ask("RETR " + file_ + "\r\n");
        ssize_t got = 0;
        while ((got = ::read(data.get(), buffer_.data(), buffer_.size())) > 0) {
            bytes_ += static_cast<std::uint64_t>(got);
        }
        ::shutdown(data.get(), SHUT_RDWR);
        reply();
    }

    net::Address server_;
    std::string file_;
    int times_;
    Fd control_;
    std::string received_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(receive_size);
    std::uint64_t bytes_{0};
    double seconds_{0};
};

void fetch(const net::Address& server, std::size_t clients, int times, const std::string& file) {
    std::vector<std::unique_ptr<Fetcher>> fetchers;
    for (std::size_t i = 0; i < clients; ++i) {
        fetchers.push_back(std::make_unique<Fetcher>(server, file, times));
    }
    const TimePoint start = steady_now();  // all are connected
    std::vector<std::thread> threads;
    for (const auto& fetcher : fetchers) {
        threads.emplace_back([&fetcher = *fetcher, start] { fetcher.run(start); });
    }
    std::uint64_t bytes = 0;
    std::vector<double> seconds;
    for (std::size_t i = 0; i < clients; ++i) {
        threads[i].join();
        bytes += fetchers[i]->bytes();
        seconds.push_back(fetchers[i]->seconds());
    }
    print_fetched(bytes, seconds);
}

// Many clients in one epoll loop, each with a new passive connection for every file.
class LoopFetch {
  public:
    LoopFetch(net::Address server, std::size_t clients, int times, std::string file)
        : server_(server), file_(std::move(file)), clients_(clients) {
        for (Client& client : clients_) {
            client.left = times;
            client.control.fd = open(server_, client);
        }
    }
    void run();

  private:
    struct Client {
        Control control;
        Fd data;
        int left{0};
        bool sent{false};   // 226 has come
        bool ended{false};  // the data has
    };

    Fd open(const net::Address& to, Client& client);
    void handle_control(Client& client);
    void handle_reply(Client& client, const std::string& reply);
    void handle_data(Client& client);
    void next(Client& client);

    net::Address server_;
    std::string file_;
    std::vector<Client> clients_;
    std::vector<Client*> by_fd_;
    net::EpollPoller poller_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(receive_size);
    std::size_t ready_{0};         // logged in; all begin at once
    std::vector<double> seconds_;  // of those that are done
    std::uint64_t bytes_{0};
    TimePoint start_{};
};

Fd LoopFetch::open(const net::Address& to, Client& client) {
    Fd socket = connect_to(to, poller_);
    const auto index = static_cast<std::size_t>(socket.get());
    by_fd_.resize(std::max(by_fd_.size(), index + 1));
    by_fd_[index] = &client;
    return socket;
}

void LoopFetch::handle_control(Client& client) {
    Control& control = client.control;
    read_replies(control.fd, buffer_, control.received);
    for (std::string reply; !(reply = take_reply(control.received)).empty();) {
        handle_reply(client, reply);
    }
}

void LoopFetch::handle_reply(Client& client, const std::string& reply) {
    Control& control = client.control;
    if (reply[0] > '3') {
        give_up(reply);
    }
    if (control.step < login_script.size()) {
        return say(control.fd, login_script[control.step++]);
    }
    if (control.step == login_script.size()) {
        ++control.step;
        if (++ready_ == clients_.size()) {
            start_ = steady_now();
            for (const Client& one : clients_) {
                say(one.control.fd, "EPSV\r\n");
            }
        }
    } else if (reply.starts_with("229")) {
        client.data = open(data_address(server_, reply), client);
        client.sent = client.ended = false;
        say(control.fd, "RETR " + file_ + "\r\n");
    } else if (reply.starts_with("226")) {
        client.sent = true;
        next(client);
    }
}

void LoopFetch::handle_data(Client& client) {
    const net::Transfer got = net::receive(client.data.get(), buffer_);
    if (got.state == net::Transfer::State::moved) {
        bytes_ += got.bytes;
    } else if (got.state != net::Transfer::State::would_block) {
        poller_.forget(client.data.get());
        by_fd_[static_cast<std::size_t>(client.data.get())] = nullptr;
        client.data.reset();
        client.ended = true;
        next(client);
    }
}

void LoopFetch::next(Client& client) {
    if (!client.sent || !client.ended) {
        return;
    }
    if (--client.left > 0) {
        say(client.control.fd, "EPSV\r\n");
    } else {
        seconds_.push_back(seconds_since(start_));
    }
}

void LoopFetch::run() {
    while (seconds_.size() < clients_.size()) {
        for (const net::Ready& one : wait_for_some(poller_)) {
            Client* client = by_fd_[static_cast<std::size_t>(one.fd)];
            if (client != nullptr && one.fd == client->control.fd.get()) {
                handle_control(*client);
            } else if (client != nullptr && one.fd == client->data.get()) {
                handle_data(*client);
            }
        }
    }
    print_fetched(bytes_, seconds_);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto server = words.size() < 5 ? std::nullopt
                                         : net::Address::parse_numeric(
                                               words[0], static_cast<std::uint16_t>(std::strtoul(
                                                             words[1].c_str(), nullptr, 10)));
    if (!server) {
        give_up(
            "usage: HOST PORT logins SECONDS SESSIONS | HOST PORT fetch|loop CLIENTS TIMES FILE");
    }
    raise_descriptor_limit();
    if (words[2] == "logins") {
        Load(*server).logins(std::strtod(words[3].c_str(), nullptr),
                             std::strtoul(words[4].c_str(), nullptr, 10));
    } else if (words.size() == 6 && words[2] == "loop") {
        LoopFetch(*server, std::strtoul(words[3].c_str(), nullptr, 10),
                  static_cast<int>(std::strtol(words[4].c_str(), nullptr, 10)), words[5])
            .run();
    } else if (words.size() == 6) {
        fetch(*server, std::strtoul(words[3].c_str(), nullptr, 10),
              static_cast<int>(std::strtol(words[4].c_str(), nullptr, 10)), words[5]);
    }
    return 0;
}
