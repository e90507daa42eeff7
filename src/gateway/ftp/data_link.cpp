#include "gateway/ftp/data_link.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "shoal/base/limits.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {

// What the kernel holds of a data connection that it has not sent yet. Left alone that grows to
// megabytes: then the receiver's side does the sending, with each acknowledgement, is kept busy
// waking a worker for it, and clients that read one file drift too far apart for caches to help.
constexpr std::uint32_t unsent_max = 64 * limits::KiB;

}  // namespace

Result<net::Address> DataLink::listen(const PassivePorts& ports, const net::Address& local,
                                      SmallRandom& random) {
    Result<Fd> listening = ports.listen(local, random);
    if (!listening) {
        return listening.error();
    }
    fd_ = std::move(*listening);
    state_ = State::listening;
    return net::local_address(fd_.get());
}

Status DataLink::connect(const net::Address& to, const net::Address& from) {
    Result<Fd> socket = net::start_connect(to, from);
    if (!socket) {
        return socket.error();
    }
    fd_ = move_above_select(std::move(*socket));
    state_ = State::connecting;
    return {};
}

DataLink::Outcome DataLink::handle_ready(const net::Address& peer) {
    if (state_ == State::connecting) {
        const int error = net::connect_outcome(fd_.get());
        if (error == 0) {
            become_connected();
            return {true, {}, {}};
        }
        state_ = State::none;
        return {true, system_error("Can't connect to the given address", error), std::move(fd_)};
    }
    net::Accepted accepted = net::accept_one(fd_.get());
    if (accepted.state == net::Accepted::State::descriptor_limit) {
        state_ = State::none;  // it would stay ready
        return {true, system_error("cannot accept a data connection", accepted.error),
                std::move(fd_)};
    }
    if (accepted.state != net::Accepted::State::connection ||
        accepted.peer.with_port(0) != peer.with_port(0)) {
        return {};  // nobody, or somebody who would take another's data
    }
    Fd listening = std::exchange(fd_, move_above_select(std::move(accepted.fd)));
    become_connected();
    return {true, {}, std::move(listening)};
}

void DataLink::become_connected() {
    state_ = State::connected;
    net::set_unsent_limit(fd_.get(), unsent_max);
}

Fd DataLink::release() {
    state_ = State::none;
    return std::move(fd_);
}

}  // namespace shoal::gateway::ftp
