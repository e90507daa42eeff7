// Framing without sockets: bytes in, messages and slices of file data out.
//
// Use: receive into space(), commit() what came, then next() until it returns nothing; then
// space() is never empty. Spans that next() handed out are valid until the next call of space().
// The same input whole or byte by byte gives the same events. One owner thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "shoal/base/result.hpp"
#include "shoal/protocol/codec.hpp"
#include "shoal/protocol/messages.hpp"

namespace shoal::protocol {

// Bytes [begin, end) of a buffer that is allocated on first use.
class ReceiveBuffer {
  public:
    explicit ReceiveBuffer(std::size_t capacity) : capacity_(capacity) {}

    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    // What was received and not yet consumed.
    [[nodiscard]] std::span<const std::uint8_t> bytes() const;
    // Room behind it, up to `end` bytes from the start of the buffer.
    std::span<std::uint8_t> room(std::size_t end);
    void commit(std::size_t bytes) { end_ += bytes; }
    void consume(std::size_t bytes) { begin_ += bytes; }
    // Moves what is left to the front.
    void compact();
    [[nodiscard]] std::size_t begin() const { return begin_; }
    void release_if_empty();

  private:
    std::size_t capacity_;
    std::unique_ptr<std::uint8_t[]> memory_;
    std::size_t begin_{0};
    std::size_t end_{0};
};

// What a server reads: clientMessages only.
class ClientFrames {
  public:
    std::span<std::uint8_t> space();
    void commit(std::size_t bytes) { buffer_.commit(bytes); }
    // nullopt: more bytes are needed. An error is final: close the connection.
    std::optional<Result<std::pair<clientMessage, ClientBytes>>> next();
    // Frees the buffer when nothing is half-received.
    void release_idle() { buffer_.release_if_empty(); }

  private:
    static constexpr std::size_t capacity = 32 * limits::client_message_size;
    ReceiveBuffer buffer_{capacity};
};

// What a client reads. Control payloads are gathered whole; file data comes in slices of
// whole leaves (receive_slice_leaves, but the last of a payload, which may be shorter and end
// with the short last leaf of a file), in order, straight from the receive buffer.
struct ServerEvent {
    serverMessage message;
    ServerBytes raw;                        // as received, for the MAC
    std::span<const std::uint8_t> payload;  // control payload; empty for data
};
struct DataSlice {
    serverMessage message;                // the data message it belongs to
    std::uint32_t offset{};               // of this slice in the payload
    std::span<const std::uint8_t> bytes;  // of file data
    bool last{};                          // the payload ends with it
};
using ServerFrame = std::variant<ServerEvent, DataSlice>;

// While one recv may bring many small messages, one that falls into file data never crosses
// the end of a slice: so no file data is ever moved within the buffer.
class ServerFrames {
  public:
    std::span<std::uint8_t> space();
    void commit(std::size_t bytes) { buffer_.commit(bytes); }
    // nullopt: more bytes are needed. A `data` message is reported once as a ServerEvent (empty
    // payload) and then slice by slice. An error is final: close the connection.
    std::optional<Result<ServerFrame>> next();
    // Frees the buffer when nothing is half-received, the payload of `data` included.
    void release_idle();

  private:
    static constexpr std::size_t slice_max =
        std::size_t{limits::receive_slice_leaves} * limits::leaf_size;
    static constexpr std::size_t window = 256 * limits::KiB;  // one recv of small messages

    // Of the open data message, the next slice's.
    [[nodiscard]] std::size_t slice_size() const;
    std::optional<Result<ServerFrame>> next_slice();
    std::optional<Result<ServerFrame>> next_message();

    ReceiveBuffer buffer_{window + slice_max};  // a slice begun in the window ends behind it
    std::optional<serverMessage> open_;         // data message whose payload is arriving
    std::uint32_t delivered_{0};                // bytes of it handed out
};

static_assert(limits::server_message_size + limits::control_payload_max <= 256 * limits::KiB,
              "a control message fits the window");

}  // namespace shoal::protocol
