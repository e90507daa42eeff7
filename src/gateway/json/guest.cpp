#include "gateway/json/guest.hpp"

#include <sys/socket.h>

#include <array>

#include "shoal/net/socket.hpp"

namespace shoal::gateway::json {

Guest::Guest(Fd socket, const integrity::Secret& secret)
    : socket_(std::move(socket)), handshake_(secret, Identity::random()) {}

void Guest::handle_readable() {
    std::array<std::uint8_t, 4096> bytes;
    const net::Transfer got = net::receive(socket_.get(), bytes);
    if (got.state == net::Transfer::State::would_block) {
        return;
    }
    if (got.state != net::Transfer::State::moved) {
        state_ = State::gone;
        return;
    }
    if (state_ != State::talking) {
        return;  // thrown away
    }
    input_.append(reinterpret_cast<const char*>(bytes.data()), got.bytes);
    handshake_.handle(input_);
    if (handshake_.state() == ServerHandshake::State::refused) {
        state_ = State::refused;
    } else if (!send(handshake_.take_output())) {
        state_ = State::gone;
    } else if (handshake_.state() == ServerHandshake::State::open) {
        state_ = State::welcome;
    }
}

void Guest::say_why() {
    const bool sent = send(handshake_.take_output());
    static_cast<void>(::shutdown(socket_.get(), SHUT_WR));
    state_ = sent ? State::leaving : State::gone;
}

// A few lines into an empty buffer: they go out whole, or nobody reads them.
bool Guest::send(const std::string& text) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    return text.empty() ||
           net::send(socket_.get(), std::span(bytes, text.size()), false).bytes == text.size();
}

}  // namespace shoal::gateway::json
