// Load on an FTP server, any FTP server: how many anonymous logins a second, how soon a NOOP to all
// of many idle sessions is answered, how fast many clients fetch at once. One epoll thread.
//
//   ftp_load HOST PORT logins SECONDS SESSIONS      logins per second, SESSIONS of them kept open
//   ftp_load HOST PORT fetch CLIENTS TIMES FILE     bytes per second; slowest / fastest
//   ftp_load HOST PORT loop CLIENTS TIMES FILE      the same by one epoll loop for all clients, as
//                                                   programs with many connections have it
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
    // The last line of the next whole reply, taken out; "" when it has not all come.
    static std::string take_reply(Control& control);
    bool read(Control& control);
    static void say(const Control& control, const std::string& line);
    double ask_all(const std::vector<int>& sessions);

    net::Address server_;
    net::EpollPoller poller_;
    std::vector<std::unique_ptr<Control>> by_fd_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(1 << 20);
};

Control& Load::open() {
    Result<Fd> socket = net::start_connect(server_, {});
    if (!socket) {
        give_up(socket.error().message);
    }
    net::set_no_delay(socket->get());
    const auto index = static_cast<std::size_t>(socket->get());
    if (index >= by_fd_.size()) {
        by_fd_.resize(index + 1);
    }
    by_fd_[index] = std::make_unique<Control>();
    by_fd_[index]->fd = std::move(*socket);
    if (!poller_.watch(static_cast<int>(index), true, false)) {
        give_up("cannot watch a socket");
    }
    return *by_fd_[index];
}

// By a reset: thousands of ports in TIME_WAIT would make the client, not the server, the limit.
void Load::close(int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    poller_.forget(fd);
    by_fd_[static_cast<std::size_t>(fd)].reset();
}

std::string Load::take_reply(Control& control) {
    for (std::size_t begin = 0;;) {
        const std::size_t end = control.received.find('\n', begin);
        if (end == std::string::npos) {
            return {};
        }
        std::string line = control.received.substr(begin, end - begin);
        begin = end + 1;
        if (line.size() > 3 && line[3] == ' ' && line[0] >= '1' && line[0] <= '5') {
            control.received.erase(0, begin);
            return line;
        }
    }
}

bool Load::read(Control& control) {
    const net::Transfer got = net::receive(control.fd.get(), buffer_);
    if (got.state == net::Transfer::State::moved) {
        control.received.append(buffer_.begin(),
                                buffer_.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    }
    return got.state == net::Transfer::State::moved ||
           got.state == net::Transfer::State::would_block;
}

void Load::say(const Control& control, const std::string& line) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(line.data());
    if (net::send(control.fd.get(), std::span(bytes, line.size()), false).bytes != line.size()) {
        give_up("cannot send a command");
    }
}

// Seconds until each of them has answered a NOOP.
double Load::ask_all(const std::vector<int>& sessions) {
    const TimePoint asked = steady_now();
    for (const int fd : sessions) {
        say(*by_fd_[static_cast<std::size_t>(fd)], "NOOP\r\n");
    }
    std::size_t answered = 0;
    while (answered < sessions.size()) {
        for (const net::Ready& one : poller_.wait(10s)) {
            Control& control = *by_fd_[static_cast<std::size_t>(one.fd)];
            read(control);
            answered += std::exchange(control.received, {}).starts_with("200") ? 1U : 0U;
        }
    }
    return seconds_since(asked);
}

// Logs in again and again, 64 at a time; the first `sessions` stay.
void Load::logins(double seconds, std::size_t sessions) {
    constexpr std::size_t at_once = 64;
    static const std::array<std::string, 2> script{"USER anonymous\r\n", "PASS x\r\n"};
    std::size_t done = 0;
    std::vector<int> kept;
    for (std::size_t i = 0; i < at_once; ++i) {
        open();
    }
    TimePoint start = steady_now();
    std::size_t counted_from = 0;
    while (kept.size() < sessions || seconds_since(start) < seconds) {
        const std::vector<net::Ready> ready = poller_.wait(10s);
        if (ready.empty()) {
            give_up("the server does not answer");
        }
        for (const net::Ready& one : ready) {
            Control& control = *by_fd_[static_cast<std::size_t>(one.fd)];
            if (!read(control)) {
                give_up("the server closed a connection: " + control.received);
            }
            const std::string reply = take_reply(control);
            if (reply.empty()) {
                continue;
            }
            if (reply[0] > '3') {
                give_up(reply);
            }
            if (control.step < script.size()) {
                say(control, script[control.step++]);
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
        for (const char* line : {"USER anonymous\r\n", "PASS x\r\n", "TYPE I\r\n"}) {
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
            const std::size_t end = received_.find('\n');
            if (end != std::string::npos) {
                std::string line = received_.substr(0, end);
                received_.erase(0, end + 1);
                if (line[3] == ' ') {
                    return line;
                }
                continue;
            }
            std::array<char, 1024> block{};
            const ssize_t got = ::read(control_.get(), block.data(), block.size());
            if (got <= 0) {
                give_up("the server closed a connection");
            }
            received_.append(block.data(), static_cast<std::size_t>(got));
        }
    }
    std::string ask(const std::string& line) {
        if (::write(control_.get(), line.data(), line.size()) !=
            static_cast<ssize_t>(line.size())) {
            give_up("cannot send a command");
        }
        std::string said = reply();
        if (said[0] > '3') {
            give_up(said);
        }
        return said;
    }
    void fetch_once() {
        const std::string said = ask("EPSV\r\n");
        const auto port = std::strtoul(said.c_str() + said.find("|||") + 3, nullptr, 10);
        const Fd data = dial(server_.with_port(static_cast<std::uint16_t>(port)));
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
    std::vector<char> buffer_ = std::vector<char>(1 << 18);
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
    double slowest = 0;
    double fastest = 1e9;
    for (std::size_t i = 0; i < clients; ++i) {
        threads[i].join();
        bytes += fetchers[i]->bytes();
        slowest = std::max(slowest, fetchers[i]->seconds());
        fastest = std::min(fastest, fetchers[i]->seconds());
    }
    std::printf("%.0f %.3f\n", static_cast<double>(bytes) / slowest, slowest / fastest);
}

// Many clients in one epoll loop, each with a new passive connection for every file.
class LoopFetch {
  public:
    LoopFetch(net::Address server, std::size_t clients, int times, std::string file)
        : server_(server), file_(std::move(file)), clients_(clients) {
        for (Client& client : clients_) {
            client.left = times;
            client.control = connect_to(server_, client);
        }
    }
    void run();

  private:
    struct Client {
        Fd control;
        Fd data;
        std::string received;
        std::size_t step{0};
        int left{0};
        bool sent{false};   // 226 has come
        bool ended{false};  // the data has
        double seconds{0};
    };

    Fd connect_to(const net::Address& to, Client& client);
    void handle_control(Client& client);
    void handle_reply(Client& client, const std::string& reply);
    void handle_data(Client& client);
    void next(Client& client);
    static void say(const Client& client, const std::string& line) {
        if (::write(client.control.get(), line.data(), line.size()) !=
            static_cast<ssize_t>(line.size())) {
            give_up("cannot send a command");
        }
    }

    net::Address server_;
    std::string file_;
    std::vector<Client> clients_;
    std::vector<Client*> by_fd_;
    net::EpollPoller poller_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(1 << 18);
    std::size_t ready_{0};  // logged in; all begin at once
    std::size_t done_{0};
    std::uint64_t bytes_{0};
    TimePoint start_{};
};

Fd LoopFetch::connect_to(const net::Address& to, Client& client) {
    Result<Fd> socket = net::start_connect(to, {});
    if (!socket) {
        give_up(socket.error().message);
    }
    net::set_no_delay(socket->get());
    const auto index = static_cast<std::size_t>(socket->get());
    by_fd_.resize(std::max(by_fd_.size(), index + 1));
    by_fd_[index] = &client;
    if (!poller_.watch(socket->get(), true, false)) {
        give_up("cannot watch a socket");
    }
    return std::move(*socket);
}

void LoopFetch::handle_control(Client& client) {
    const net::Transfer got = net::receive(client.control.get(), buffer_);
    if (got.state == net::Transfer::State::would_block) {
        return;
    }
    if (got.state != net::Transfer::State::moved) {
        give_up("the server closed a connection");
    }
    client.received.append(buffer_.begin(),
                           buffer_.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    for (std::size_t end = 0; (end = client.received.find('\n')) != std::string::npos;) {
        const std::string line = client.received.substr(0, end);
        client.received.erase(0, end + 1);
        if (line.size() > 3 && line[3] == ' ') {
            handle_reply(client, line);
        }
    }
}

void LoopFetch::handle_reply(Client& client, const std::string& reply) {
    static const std::array<std::string, 3> script{"USER anonymous\r\n", "PASS x\r\n",
                                                   "TYPE I\r\n"};
    if (reply[0] > '3') {
        give_up(reply);
    }
    if (client.step < script.size()) {
        return say(client, script[client.step++]);
    }
    if (client.step == script.size()) {
        ++client.step;
        if (++ready_ == clients_.size()) {
            start_ = steady_now();
            for (Client& one : clients_) {
                say(one, "EPSV\r\n");
            }
        }
    } else if (reply.starts_with("229")) {
        const auto port = std::strtoul(reply.c_str() + reply.find("|||") + 3, nullptr, 10);
        client.data = connect_to(server_.with_port(static_cast<std::uint16_t>(port)), client);
        client.sent = client.ended = false;
        say(client, "RETR " + file_ + "\r\n");
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
        say(client, "EPSV\r\n");
    } else {
        client.seconds = seconds_since(start_);
        ++done_;
    }
}

void LoopFetch::run() {
    while (done_ < clients_.size()) {
        const std::vector<net::Ready> ready = poller_.wait(10s);
        if (ready.empty()) {
            give_up("the server does not answer");
        }
        for (const net::Ready& one : ready) {
            Client* client = by_fd_[static_cast<std::size_t>(one.fd)];
            if (client != nullptr && one.fd == client->control.get()) {
                handle_control(*client);
            } else if (client != nullptr && one.fd == client->data.get()) {
                handle_data(*client);
            }
        }
    }
    const auto [fastest, slowest] =
        std::minmax_element(clients_.begin(), clients_.end(),
                            [](const Client& a, const Client& b) { return a.seconds < b.seconds; });
    std::printf("%.0f %.3f\n", static_cast<double>(bytes_) / slowest->seconds,
                slowest->seconds / fastest->seconds);
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
