// Client: the other side of the gateway's protocol, for `shoal call` and for benchmarks. Blocks,
// but never longer than its timeout without anything moving. One thread's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/json/messages.hpp"
#include "gateway/json/session.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/time.hpp"
#include "shoal/net/address.hpp"

namespace shoal::gateway::json {

class Client {
  public:
    // Connects and shakes hands. The error's kind: closed (nobody there), forbidden (the secrets
    // differ), busy, bad_input (another protocol), system.
    static Result<Client> connect(const net::Address& address, const integrity::Secret& secret,
                                  Duration timeout);

    // Queues a line, or a request's content (whole blocks, but for its end); flush() sends.
    void line(std::string_view json) { out_->line(json); }
    void content(std::span<const std::uint8_t> bytes) { out_->content(bytes); }
    Status flush();

    // The next line; closed when the gateway has ended the connection.
    Result<std::string> next_line();
    // The next bytes of a content of which `left` are to come; valid until the next call.
    Result<std::span<const std::uint8_t>> next_content(std::uint64_t left);

    // For who drives many connections on one thread: the socket does not block.
    struct Parts {
        Fd socket;
        MessageReader in;
        MessageWriter out;
    };
    Parts take_apart() && { return {std::move(socket_), std::move(*in_), std::move(*out_)}; }

  private:
    Client(Fd socket, Duration timeout) : socket_(std::move(socket)), timeout_(timeout) {}
    Status wait_for(short events);
    Status shake_hands(const integrity::Secret& secret);
    Status send_all(std::span<const std::uint8_t> bytes);
    // At least one byte, into scratch_.
    Result<std::span<const std::uint8_t>> receive();
    Status feed_more();

    Fd socket_;
    Duration timeout_;
    std::optional<MessageReader> in_;
    std::optional<MessageWriter> out_;
    std::vector<std::uint8_t> scratch_ = std::vector<std::uint8_t>(256 * 1024);
};

// What a reply's line says, as far as a client must know. nullopt when it is no line of ours.
struct ReplyHead {
    bool event{false};  // more lines follow
    unsigned status{0};
    bool has_content{false};
    std::uint64_t content_length{0};
};
std::optional<ReplyHead> parse_reply(std::string_view line);

}  // namespace shoal::gateway::json
