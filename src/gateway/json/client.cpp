#include "gateway/json/client.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "shoal/net/socket.hpp"

namespace shoal::gateway::json {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Error gone() { return {ErrorKind::closed, "the gateway has closed the connection"}; }

Error fault_of(MessageReader::Got got) {
    return got == MessageReader::Got::forged
               ? Error{ErrorKind::forbidden, "what came is not what the gateway sent"}
               : Error{ErrorKind::bad_input, "the gateway sent a line of over 1 MiB"};
}

}  // namespace

Result<Client> Client::connect(const net::Address& address, const integrity::Secret& secret,
                               Duration timeout) {
    Result<Fd> socket = net::start_connect(address, {});
    if (!socket) {
        return socket.error();
    }
    Client client(std::move(*socket), timeout);
    if (Status ready = client.wait_for(POLLOUT); !ready) {
        return ready.error();
    }
    if (const int error = net::connect_outcome(client.socket_.get()); error != 0) {
        Error failed = system_error("cannot connect to " + address.to_string(), error);
        failed.kind = ErrorKind::closed;
        failed.message += "; is a peer running there with --json-port?";
        return failed;
    }
    net::set_no_delay(client.socket_.get());
    if (Status open = client.shake_hands(secret); !open) {
        return open.error();
    }
    return client;
}

Status Client::shake_hands(const integrity::Secret& secret) {
    ClientHandshake handshake(secret, Identity::random());
    std::string input;
    while (!handshake.open()) {
        if (Status sent = send_all(bytes_of(handshake.take_output())); !sent) {
            return sent;
        }
        const auto bytes = receive();
        if (!bytes) {
            return bytes.error();
        }
        input.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
        if (Status status = handshake.handle(input); !status) {
            return status;
        }
    }
    SessionMacs macs = handshake.take_macs();
    in_.emplace(std::move(macs.server));
    out_.emplace(std::move(macs.client));
    in_->feed(bytes_of(input));
    return {};
}

Status Client::wait_for(short events) {
    pollfd one{socket_.get(), events, 0};
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
    int ready = 0;
    do {
        ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(limit, INT32_MAX)));
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) {
        return system_error("cannot wait for the gateway", errno);
    }
    return ready > 0 ? Status{} : Error{ErrorKind::closed, "the gateway does not answer in time"};
}

Status Client::send_all(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const net::Transfer sent = net::send(socket_.get(), bytes, false);
        if (sent.state == net::Transfer::State::moved) {
            bytes = bytes.subspan(sent.bytes);
        } else if (sent.state != net::Transfer::State::would_block) {
            return gone();
        } else if (Status ready = wait_for(POLLOUT); !ready) {
            return ready;
        }
    }
    return {};
}

Status Client::flush() {
    Status sent = send_all(out_->waiting());
    out_->sent(out_->waiting().size());
    return sent;
}

Result<std::span<const std::uint8_t>> Client::receive() {
    for (;;) {
        const net::Transfer got = net::receive(socket_.get(), scratch_);
        if (got.state == net::Transfer::State::moved) {
            return std::span<const std::uint8_t>(scratch_).first(got.bytes);
        }
        if (got.state != net::Transfer::State::would_block) {
            return gone();
        }
        if (Status ready = wait_for(POLLIN); !ready) {
            return ready.error();
        }
    }
}

Status Client::feed_more() {
    const auto bytes = receive();
    if (!bytes) {
        return bytes.error();
    }
    in_->feed(*bytes);
    return {};
}

Result<std::string> Client::next_line() {
    for (;;) {
        std::string_view line;
        const auto got = in_->next_line(line);
        if (got == MessageReader::Got::something) {
            return std::string(line);
        }
        if (got != MessageReader::Got::nothing) {
            return fault_of(got);
        }
        if (Status fed = feed_more(); !fed) {
            return fed.error();
        }
    }
}

Result<std::span<const std::uint8_t>> Client::next_content(std::uint64_t left) {
    for (;;) {
        std::span<const std::uint8_t> bytes;
        const auto got = in_->next_content(left, bytes);
        if (got == MessageReader::Got::something) {
            return bytes;
        }
        if (got != MessageReader::Got::nothing) {
            return fault_of(got);
        }
        if (Status fed = feed_more(); !fed) {
            return fed.error();
        }
    }
}

}  // namespace shoal::gateway::json
