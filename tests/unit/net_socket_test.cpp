#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "shoal/net/poller.hpp"
#include "shoal/net/socket.hpp"

using namespace shoal;
using net::Accepted;
using net::Address;
using net::Transfer;
using State = net::Transfer::State;
using Bytes = std::vector<std::uint8_t>;

namespace {

Address loopback(std::uint16_t port, const char* host = "127.0.0.1") {
    return Address::parse_numeric(host, port).value();
}

void await(int fd, bool read, bool write) {
    net::SelectPoller poller;
    REQUIRE(poller.watch(fd, read, write));
    REQUIRE(poller.wait(10s).size() == 1);
}

// A listener on a free port, a client connected to it, and the server's end.
struct Connection {
    Fd listener;
    Fd client;
    Fd server;
    Address peer;

    explicit Connection(const Address& at = loopback(0), const Address& from = {}) {
        listener = net::listen_on(at, 16).value();
        client = net::start_connect(net::local_address(listener.get()), from).value();
        await(listener.get(), true, false);
        auto accepted = net::accept_one(listener.get());
        REQUIRE(accepted.state == Accepted::State::connection);
        server = std::move(accepted.fd);
        peer = accepted.peer;
        await(client.get(), false, true);
        REQUIRE(net::connect_outcome(client.get()) == 0);
    }
};

Bytes receive_all(int fd, std::size_t count) {
    Bytes all;
    std::array<std::uint8_t, 4096> buffer{};
    while (all.size() < count) {
        await(fd, true, false);
        const Transfer got = net::receive(fd, buffer);
        REQUIRE(got.state == State::moved);
        all.insert(all.end(), buffer.begin(),
                   buffer.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    }
    return all;
}

int option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
    return value;
}

}  // namespace

TEST_CASE("an address in use is named, with what to do", "[net]") {
    const Fd first = net::listen_on(loopback(0), 16).value();
    const Address taken = net::local_address(first.get());
    const auto second = net::listen_on(taken, 16);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().kind == ErrorKind::busy);
    CHECK(second.error().message ==
          "cannot listen on " + taken.to_string() +
              ": Address already in use; is another peer running here? choose another address "
              "with --bind or port with --port");
    CHECK(net::listen_on(loopback(taken.port(), "127.0.0.9"), 16).ok());
    CHECK(net::listen_on(loopback(0, "192.0.2.1"), 16)
              .error()
              .message.ends_with("--bind takes an address of this host"));
}

TEST_CASE("both ends of a connection know each other and are set up alike", "[net]") {
    const Connection pair;
    CHECK(pair.peer == net::local_address(pair.client.get()));
    CHECK(net::peer_address(pair.server.get()) == pair.peer);
    CHECK(net::peer_address(pair.client.get()) == net::local_address(pair.listener.get()));
    for (const int fd : {pair.listener.get(), pair.client.get(), pair.server.get()}) {
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    }
    CHECK(net::accept_one(pair.listener.get()).state == Accepted::State::none);
}

TEST_CASE("the local side is bound when asked", "[net]") {
    const Connection pair(loopback(0, "127.0.0.2"), loopback(4711, "127.0.0.3"));
    CHECK(pair.peer.host() == "127.0.0.3");
    CHECK(pair.peer.port() != 4711);
    const auto mixed = net::start_connect(loopback(1, "::1"), loopback(0));
    CHECK(mixed.error().message.find("cannot connect to [::1]:1 from 127.0.0.1: ") == 0);
}

TEST_CASE("bytes move, an empty socket would block, a closed one says so", "[net]") {
    Connection pair;
    std::array<std::uint8_t, 16> buffer{};
    CHECK(net::receive(pair.server.get(), buffer).state == State::would_block);
    const Bytes message{1, 2, 3};
    const Transfer sent = net::send(pair.client.get(), message, false);
    CHECK(sent.state == State::moved);
    CHECK(sent.bytes == 3);
    CHECK(receive_all(pair.server.get(), 3) == message);
    CHECK(net::receive(pair.server.get(), {}).state == State::would_block);
    CHECK(net::send(pair.client.get(), {}, false).state == State::would_block);

    pair.client.reset();
    await(pair.server.get(), true, false);
    CHECK(net::receive(pair.server.get(), buffer).state == State::closed);
}

TEST_CASE("sending into a connection that is gone is closed, not a signal", "[net]") {
    Connection pair;
    std::signal(SIGPIPE, SIG_DFL);
    pair.client.reset();
    const Bytes message(1000);
    Transfer sent = net::send(pair.server.get(), message, false);
    for (int tries = 0; sent.state != State::closed && tries < 1000; ++tries) {
        await(pair.server.get(), true, true);
        sent = net::send(pair.server.get(), message, false);
    }
    CHECK(sent.state == State::closed);
    CHECK(sent.bytes == 0);
    CHECK((sent.error == EPIPE || sent.error == ECONNRESET));
}

TEST_CASE("a full socket would block", "[net]") {
    const Connection pair;
    const Bytes block(1 << 20);
    Transfer sent{State::moved, 0, 0};
    while (sent.state == State::moved) {
        sent = net::send(pair.client.get(), block, true);
    }
    CHECK(sent.state == State::would_block);
}

TEST_CASE("a file's bytes move from any offset, and its end is seen", "[net]") {
    const Connection pair;
    std::string name = "/tmp/shoal-send-XXXXXX";
    const Fd file(::mkostemp(name.data(), O_CLOEXEC));
    REQUIRE(file);
    ::unlink(name.c_str());
    REQUIRE(::write(file.get(), "0123456789", 10) == 10);
    const Transfer sent = net::send_file(pair.server.get(), file.get(), 4, 100);
    CHECK(sent.state == State::moved);
    CHECK(sent.bytes == 6);
    CHECK(receive_all(pair.client.get(), 6) == Bytes{'4', '5', '6', '7', '8', '9'});
    CHECK(net::send_file(pair.server.get(), file.get(), 10, 1).state == State::closed);
    CHECK(net::send_file(pair.server.get(), file.get(), 0, 0).state == State::would_block);
    CHECK(net::send_file(pair.server.get(), 1 << 20, 0, 1).error == EBADF);
}

TEST_CASE("a refused connect is told by its outcome", "[net]") {
    Fd listener = net::listen_on(loopback(0), 1).value();
    const Address gone = net::local_address(listener.get());
    listener.reset();
    const auto connecting = net::start_connect(gone, {});
    if (connecting) {
        await(connecting.value().get(), false, true);
        CHECK(net::connect_outcome(connecting.value().get()) == ECONNREFUSED);
    } else {
        CHECK(connecting.error().kind == ErrorKind::closed);
    }
}

TEST_CASE("a socket that met itself is not a connection", "[net]") {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Address any = loopback(0);
    REQUIRE(::bind(fd.get(), any.raw(), any.raw_size()) == 0);
    const Address self = net::local_address(fd.get());
    REQUIRE(::connect(fd.get(), self.raw(), self.raw_size()) == 0);
    CHECK(net::connect_outcome(fd.get()) == ECONNREFUSED);
}

TEST_CASE("accept tells a lack of descriptors from a lack of connections", "[net]") {
    const Fd listener = net::listen_on(loopback(0), 16).value();
    const Fd client = net::start_connect(net::local_address(listener.get()), {}).value();
    await(listener.get(), true, false);
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
    const rlimit none{3, old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto refused = net::accept_one(listener.get());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
    CHECK(refused.state == Accepted::State::descriptor_limit);
    CHECK(refused.error == EMFILE);
    CHECK(net::accept_one(listener.get()).state == Accepted::State::connection);
    CHECK(net::accept_one(-1).state == Accepted::State::failed);
}

TEST_CASE("a wildcard IPv6 listener takes IPv4 and shows it as such", "[net]") {
    const auto listener = net::listen_on(loopback(0, "::"), 16);
    if (!listener) {
        WARN("no IPv6 here: " << listener.error().message);
        return;
    }
    const std::uint16_t port = net::local_address(listener.value().get()).port();
    const Fd client = net::start_connect(loopback(port), {}).value();
    await(listener.value().get(), true, false);
    CHECK(net::accept_one(listener.value().get()).peer.family() == AF_INET);
}

TEST_CASE("the options reach the kernel", "[net]") {
    const Connection pair;
    const int fd = pair.client.get();
    net::set_no_delay(fd);
    CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    net::set_unsent_limit(fd, 131072);
    CHECK(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 131072);
    net::make_receive_room(fd, 1 << 20);
    CHECK(option(fd, SOL_SOCKET, SO_RCVBUF) >= 1 << 20);
    CHECK(option(fd, SOL_SOCKET, SO_RCVLOWAT) == 1);
    net::set_dead_peer_timeout(fd, 30);
    CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    const int noticed =
        option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
        option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT);
    CHECK(noticed == 30);
    CHECK(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 30000);
}
