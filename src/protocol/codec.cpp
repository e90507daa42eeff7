#include "shoal/protocol/codec.hpp"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/array.hpp>
#include <cstring>
#include <istream>
#include <ostream>
#include <streambuf>

#include "payload_rules.hpp"

namespace shoal::protocol {

// The order of fields is the layout: the tables of docs/protocol.md say the same.
template <typename Archive>
void serialize(Archive& archive, clientMessage& message) {
    archive(message.magic, message.type, message.flags, message.id, message.fileSize,
            message.digest.bytes, message.first, message.count, message.pathLength,
            message.prefixLength, message.nodeId.bytes, message.path, message.port, message.version,
            message.reserved, message.mac);
}

template <typename Archive>
void serialize(Archive& archive, serverMessage& message) {
    archive(message.magic, message.type, message.status, message.id, message.payloadSize,
            message.fileSize, message.digest.bytes, message.first, message.count, message.flags,
            message.port, message.held, message.nodeId.bytes, message.version, message.reserved,
            message.mac);
}

namespace {

using Output = cereal::PortableBinaryOutputArchive;
using Input = cereal::PortableBinaryInputArchive;

// The archive begins its stream with one byte that tells the byte order. On our wire the order
// is always little-endian, so that byte is cut off when sent and put back when received.
constexpr std::size_t order_byte = 1;
constexpr char little_endian = 1;

// A stream buffer over a fixed span: what does not fit is an error of the archive's.
class SpanBuffer : public std::streambuf {
  public:
    explicit SpanBuffer(std::span<char> bytes) {
        setp(bytes.data(), bytes.data() + bytes.size());
        setg(bytes.data(), bytes.data(), bytes.data() + bytes.size());
    }
    [[nodiscard]] bool filled() const { return pptr() == epptr(); }
    [[nodiscard]] bool emptied() const { return gptr() == egptr(); }
};

template <std::size_t Size, typename Message>
std::array<std::uint8_t, Size> encode_fixed(const Message& message) {
    std::array<char, order_byte + Size> bytes;
    SpanBuffer buffer(bytes);
    std::ostream stream(&buffer);
    Output archive(stream, Output::Options::LittleEndian());
    archive(message);
    if (!buffer.filled()) {
        throw std::logic_error("a message was encoded to less than its fixed size");
    }
    std::array<std::uint8_t, Size> out;
    std::memcpy(out.data(), bytes.data() + order_byte, Size);
    return out;
}

template <typename Message, std::size_t Size>
Result<Message> decode_fixed(std::span<const std::uint8_t, Size> raw) {
    std::array<char, order_byte + Size> bytes;
    bytes[0] = little_endian;
    std::memcpy(bytes.data() + order_byte, raw.data(), Size);
    SpanBuffer buffer(bytes);
    std::istream stream(&buffer);
    Message message;
    try {
        Input archive(stream, Input::Options::LittleEndian());
        archive(message);
    } catch (const cereal::Exception& error) {
        return Error{ErrorKind::bad_input, std::string("cannot decode a message: ") + error.what()};
    }
    if (!buffer.emptied()) {
        return Error{ErrorKind::bad_input, "cannot decode a message: bytes are left over"};
    }
    return message;
}

Error malformed(std::string_view who, std::string_view why) {
    return {ErrorKind::bad_input,
            "the " + std::string(who) + " sent a malformed message: " + std::string(why)};
}

constexpr std::string_view wrong_magic = "it does not begin with SHL1; is it a Shoal peer?";

}  // namespace

ClientBytes encode(const clientMessage& message) {
    return encode_fixed<limits::client_message_size>(message);
}

ServerBytes encode(const serverMessage& message) {
    return encode_fixed<limits::server_message_size>(message);
}

Result<clientMessage> decode_client(
    std::span<const std::uint8_t, limits::client_message_size> raw) {
    auto message = decode_fixed<clientMessage>(raw);
    if (!message) {
        return message;
    }
    if (message->magic != magic) {
        return malformed("client", wrong_magic);
    }
    if (message->pathLength > limits::path_max) {
        return malformed("client", "its path is longer than 400 bytes");
    }
    if (message->prefixLength > message->pathLength) {
        return malformed("client", "its prefix is longer than its path");
    }
    if (message->reserved != 0) {
        return malformed("client", "reserved bytes are not zero");
    }
    return message;
}

Result<serverMessage> decode_server(
    std::span<const std::uint8_t, limits::server_message_size> raw) {
    auto message = decode_fixed<serverMessage>(raw);
    if (!message) {
        return message;
    }
    if (message->magic != magic) {
        return malformed("server", wrong_magic);
    }
    if (message->reserved != decltype(message->reserved){}) {
        return malformed("server", "reserved bytes are not zero");
    }
    if (const auto fault = payload_fault(*message); !fault.empty()) {
        return malformed("server", fault);
    }
    return message;
}

}  // namespace shoal::protocol
