#include "shoal/net/acceptor.hpp"

#include <fcntl.h>

#include <span>
#include <utility>

namespace shoal::net {

Result<Acceptor> Acceptor::listen(const Address& address, int backlog, std::string farewell) {
    Result<Fd> listening = listen_on(address, backlog);
    if (!listening) {
        return listening.error();
    }
    return Acceptor(move_above_select(std::move(*listening)), std::move(farewell));
}

Acceptor::Acceptor(Fd listening, std::string farewell)
    : listening_(std::move(listening)), farewell_(std::move(farewell)) {
    make_room();
}

void Acceptor::make_room() {
    spare_ = move_above_select(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

Accepted Acceptor::accept() {
    if (!spare_) {
        make_room();
    }
    Accepted accepted = accept_one(listening_.get());
    if (accepted.state == Accepted::State::descriptor_limit) {
        turn_away();
    }
    accepted.fd = move_above_select(std::move(accepted.fd));
    return accepted;
}

void Acceptor::turn_away() {
    spare_.reset();
    Accepted unlucky = accept_one(listening_.get());
    if (unlucky.fd) {
        // It has sent nothing and its buffer is empty: one short write goes out whole or not.
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(farewell_.data());
        static_cast<void>(send(unlucky.fd.get(), std::span(bytes, farewell_.size()), false));
    }
    unlucky.fd.reset();
    make_room();
}

}  // namespace shoal::net
