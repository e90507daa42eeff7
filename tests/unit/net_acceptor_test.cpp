#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "shoal/net/acceptor.hpp"
#include "shoal/net/poller.hpp"

using namespace shoal;
using net::Accepted;
using net::Acceptor;

namespace {

net::Address loopback() { return *net::Address::parse_numeric("127.0.0.1", 0); }

Fd connect_to(const net::Address& address) {
    Result<Fd> socket = net::start_connect(address, {});
    REQUIRE(socket.ok());
    return std::move(*socket);
}

// All that the other side says until it closes.
std::string read_to_end(int socket) {
    net::SelectPoller poller;
    std::string said;
    for (;;) {
        REQUIRE(poller.watch(socket, true, false));
        REQUIRE(poller.wait(10s).size() == 1);
        std::array<std::uint8_t, 256> buffer{};
        const net::Transfer got = net::receive(socket, buffer);
        if (got.state == net::Transfer::State::closed) {
            return said;
        }
        said.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    }
}

// The soft limit of descriptors for one scope.
class DescriptorLimit {
  public:
    explicit DescriptorLimit(rlim_t soft) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit lowered{soft, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("what an acceptor accepts lies above select()'s range", "[net]") {
    raise_descriptor_limit();
    Result<Acceptor> acceptor = Acceptor::listen(loopback(), 8, "");
    REQUIRE(acceptor.ok());
    CHECK(acceptor->fd() >= net::SelectPoller::fd_end());
    CHECK(acceptor->accept().state == Accepted::State::none);
    const Fd client = connect_to(acceptor->address());
    const Accepted accepted = acceptor->accept();
    REQUIRE(accepted.state == Accepted::State::connection);
    CHECK(accepted.fd.get() >= net::SelectPoller::fd_end());
    CHECK(accepted.peer == net::local_address(client.get()));
}

TEST_CASE("out of descriptors, a client is turned away with a word, and the queue moves", "[net]") {
    const DescriptorLimit low(128);  // so low that the spare one's number is within it
    Result<Acceptor> acceptor = Acceptor::listen(loopback(), 8, "421 Too busy.\r\n");
    REQUIRE(acceptor.ok());
    const std::array clients{connect_to(acceptor->address()), connect_to(acceptor->address())};
    {
        std::vector<Fd> fillers;
        do {
            fillers.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        } while (fillers.back());
        REQUIRE(acceptor->accept().state == Accepted::State::descriptor_limit);
    }
    CHECK(acceptor->accept().state == Accepted::State::connection);
    CHECK(acceptor->accept().state == Accepted::State::none);
    CHECK(read_to_end(clients[0].get()) == "421 Too busy.\r\n");
}
