#include "gateway/ftp/passive_ports.hpp"

#include <utility>

#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {
constexpr int backlog = 8;
}

Result<Fd> PassivePorts::listen(const net::Address& local, SmallRandom& random) const {
    const std::uint32_t count = low_ == 0 ? 1U : std::uint32_t{high_} - low_ + 1;
    const auto first = static_cast<std::uint32_t>(random.below(count));
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto port = static_cast<std::uint16_t>(low_ == 0 ? 0 : low_ + (first + i) % count);
        Result<Fd> listening = net::listen_on(local.with_port(port), backlog);
        if (listening) {
            return move_above_select(std::move(*listening));
        }
        if (low_ == 0) {
            return listening.error();
        }
    }
    return Error{ErrorKind::busy, "all passive ports are taken"};
}

}  // namespace shoal::gateway::ftp
