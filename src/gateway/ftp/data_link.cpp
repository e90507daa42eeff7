#include "gateway/ftp/data_link.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {

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
            state_ = State::connected;
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
    state_ = State::connected;
    return {true, {}, std::exchange(fd_, move_above_select(std::move(accepted.fd)))};
}

Fd DataLink::release() {
    state_ = State::none;
    return std::move(fd_);
}

}  // namespace shoal::gateway::ftp
