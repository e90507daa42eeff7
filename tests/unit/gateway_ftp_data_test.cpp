// A data connection: what the kernel holds of it.
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "gateway/ftp/data_link.hpp"
#include "gateway/ftp/mover.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {

const net::Address loopback = net::Address::parse_numeric("127.0.0.1", 0).value();

void wait_for(int fd, short events) {
    pollfd one{fd, events, 0};
    REQUIRE(::poll(&one, 1, 10'000) == 1);
}

// How much waits to be sent when a receiver reads nothing and as much was sent as goes.
int unsent_of(const DataLink& link) {
    const std::vector<std::uint8_t> block(block_size);
    while (net::send(link.fd(), block, false).state == net::Transfer::State::moved) {
    }
    int unsent = -1;
    REQUIRE(::ioctl(link.fd(), SIOCOUTQNSD, &unsent) == 0);
    return unsent;
}

}  // namespace

TEST_CASE("little waits unsent for a client that does not read, passive or active", "[ftp]") {
    SmallRandom random(1);
    DataLink link;
    Fd client;
    SECTION("passive") {
        const Result<net::Address> address = link.listen(PassivePorts(0, 0), loopback, random);
        REQUIRE(address.ok());
        client = net::start_connect(*address, {}).value();
        wait_for(link.fd(), POLLIN);
    }
    SECTION("active") {
        client = PassivePorts(0, 0).listen(loopback, random).value();
        REQUIRE(link.connect(net::local_address(client.get()), {}).ok());
        wait_for(link.fd(), POLLOUT);
    }
    const DataLink::Outcome outcome = link.handle_ready(loopback);
    REQUIRE((outcome.settled && outcome.status));
    CHECK(unsent_of(link) <= 2 * static_cast<int>(block_size));
}

}  // namespace shoal::gateway::ftp
