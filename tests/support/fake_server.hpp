// FakeServer: the far end of a ServerLink, played by a test over a socket pair.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "peer/servers.hpp"
#include "protocol_samples.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::test {

inline std::pair<Fd, Fd> socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::runtime_error("no socket pair");
    }
    return {Fd(ends[0]), Fd(ends[1])};
}

class FakeServer {
  public:
    // `last` tells hosts apart: 127.0.0.<last>, node ids too.
    FakeServer(peer::Wiring& wiring, peer::Servers& servers, std::uint8_t last, TimePoint now)
        : servers_(servers), last_(last) {
        auto [near, far] = socket_pair();
        socket_ = std::move(far);
        const auto address = *net::Address::parse_numeric("127.0.0." + std::to_string(last), 8080);
        id_ = servers_.add(peer::NewServer{std::move(near), address, true}, wiring, now).id;
    }

    [[nodiscard]] peer::ServerLink& link() { return *servers_.find(id_); }
    [[nodiscard]] SourceId id() const { return id_; }

    // Takes the client's hello and answers it.
    void say_hello(TimePoint now) {
        const auto hello = take(now).at(0);
        auto answer = protocol::samples::server(protocol::ServerType::hello, hello.id);
        answer.version = protocol::version;
        answer.nodeId = protocol::samples::node_from(last_);
        send(answer);
        deliver(now);
    }

    // Everything the client has said since.
    std::vector<protocol::clientMessage> take(TimePoint now) {
        link().flush(now);
        std::vector<protocol::clientMessage> said;
        while (true) {
            const net::Transfer got = net::receive(socket_.get(), frames_.space());
            if (got.state != net::Transfer::State::moved) {
                return said;
            }
            frames_.commit(got.bytes);
            while (auto frame = frames_.next()) {
                said.push_back(frame->value().first);
            }
        }
    }
    std::vector<protocol::clientMessage> take(protocol::ClientType type, TimePoint now) {
        auto said = take(now);
        std::erase_if(said, [type](const auto& message) {
            return message.type != static_cast<std::uint16_t>(type);
        });
        return said;
    }

    void send(protocol::serverMessage message, std::span<const std::uint8_t> payload = {}) {
        message.payloadSize = payload.size();
        const auto head = protocol::encode(message);
        write(head);
        write(payload);
    }
    void refuse(std::uint64_t id, protocol::Status why) {
        send(protocol::samples::server(protocol::ServerType::answer, id, why));
    }
    // The data message to a request, and its bytes.
    void send_data(const protocol::clientMessage& request, std::span<const std::uint8_t> bytes) {
        auto head = protocol::samples::server(protocol::ServerType::data, request.id);
        head.fileSize = request.fileSize;
        head.digest = request.digest;
        head.first = request.first;
        head.count = request.count;
        send(head, bytes);
    }
    void send_raw(const std::string& bytes) {
        write({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    }
    void deliver(TimePoint now) { link().receive(1 << 22, now); }
    void hang_up() { socket_.reset(); }

  private:
    void write(std::span<const std::uint8_t> bytes) {
        while (!bytes.empty()) {
            const net::Transfer sent = net::send(socket_.get(), bytes, false);
            if (sent.state != net::Transfer::State::moved) {
                throw std::runtime_error("the test sends more than a socket holds");
            }
            bytes = bytes.subspan(sent.bytes);
        }
    }

    peer::Servers& servers_;
    std::uint8_t last_;
    SourceId id_;
    Fd socket_;
    protocol::ClientFrames frames_;
};

}  // namespace shoal::test
