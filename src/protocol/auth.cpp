#include "shoal/protocol/auth.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "shoal/integrity/sha256.hpp"

namespace shoal::protocol {
namespace {

using integrity::Digest;
using Bytes = std::span<const std::uint8_t>;

// A byte string under construction for the HMAC; numbers are little-endian.
class Text {
  public:
    explicit Text(std::size_t size) { bytes_.reserve(size); }
    Text& add(Bytes bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    Text& add(std::string_view label) {
        bytes_.insert(bytes_.end(), label.begin(), label.end());
        return *this;
    }
    template <typename Integer>
    Text& number(Integer value) {
        for (std::size_t i = 0; i < sizeof value; ++i) {
            bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        }
        return *this;
    }
    [[nodiscard]] Bytes bytes() const { return bytes_; }

  private:
    std::vector<std::uint8_t> bytes_;
};

// Labels of equal length, facts of fixed length: no two derivations share an input.
Digest derive(const Secret& secret, std::string_view label, const HandshakeFacts& facts) {
    Text text(128);
    text.add(label)
        .number(facts.version)
        .number(facts.client_port)
        .number(facts.server_port)
        .add(facts.client_node.bytes)
        .add(facts.server_node.bytes)
        .add(facts.client_nonce.bytes)
        .add(facts.server_nonce.bytes);
    return integrity::hmac_sha256(secret.bytes(), text.bytes());
}

// `message` is encoded with a MAC of zeros.
Mac mac_of(const Digest& key, std::uint64_t counter, Bytes message, Bytes payload) {
    Text text(sizeof counter + message.size() + payload.size());
    text.number(counter).add(message).add(payload);
    const Digest full = integrity::hmac_sha256(key.bytes, text.bytes());
    Mac mac;
    std::copy_n(full.bytes.begin(), mac.size(), mac.begin());
    return mac;
}

// The MAC is the tail of both structs.
template <std::size_t Size>
bool mac_is_right(const Digest& key, std::uint64_t counter,
                  const std::array<std::uint8_t, Size>& raw, Bytes payload) {
    auto zeroed = raw;
    std::fill_n(zeroed.end() - mac_size, mac_size, std::uint8_t{0});
    const Mac expected = mac_of(key, counter, zeroed, payload);
    return integrity::equal_constant_time(expected, Bytes(raw).last<mac_size>());
}

template <std::size_t Size>
bool mac_is_zero(const std::array<std::uint8_t, Size>& raw) {
    return std::all_of(raw.end() - mac_size, raw.end(), [](auto byte) { return byte == 0; });
}

// Of `payload`, what the MAC covers.
Bytes sealed_part(std::uint16_t type, Bytes payload) {
    return payload_is_covered_by_tree(type) ? Bytes{} : payload;
}

}  // namespace

HandshakeFacts facts_of(const clientMessage& client_hello, const serverMessage& server_hello) {
    return {client_hello.version, client_hello.nodeId, server_hello.nodeId, client_hello.port,
            server_hello.port,    client_hello.digest, server_hello.digest};
}

Session::Session(const Secret& secret, const HandshakeFacts& facts)
    : authenticated_(true),
      client_key_(derive(secret, "shoal client key  ", facts)),
      server_key_(derive(secret, "shoal server key  ", facts)),
      client_proof_(derive(secret, "shoal client proof", facts)),
      server_proof_(derive(secret, "shoal server proof", facts)) {}

Session::~Session() {
    for (Digest* key : {&client_key_, &server_key_, &client_proof_, &server_proof_}) {
        explicit_bzero(key->bytes.data(), key->bytes.size());
    }
}

bool Session::is_client_proof(const Digest& proof) const {
    return authenticated_ && integrity::equal_constant_time(proof.bytes, client_proof_.bytes);
}

bool Session::is_server_proof(const Digest& proof) const {
    return authenticated_ && integrity::equal_constant_time(proof.bytes, server_proof_.bytes);
}

void Session::seal(clientMessage& message) {
    message.mac = {};
    if (authenticated_) {
        message.mac = mac_of(client_key_, client_counter_++, encode(message), {});
    }
}

void Session::seal(serverMessage& message, Bytes payload) {
    message.mac = {};
    if (authenticated_) {
        message.mac = mac_of(server_key_, server_counter_++, encode(message),
                             sealed_part(message.type, payload));
    }
}

bool Session::open(const ClientBytes& raw) {
    return authenticated_ ? mac_is_right(client_key_, client_counter_++, raw, {})
                          : mac_is_zero(raw);
}

bool Session::open(const ServerBytes& raw, Bytes payload) {
    // Bytes 4 and 5 are the type, little-endian.
    const auto type = static_cast<std::uint16_t>(raw[4] | raw[5] << 8);
    return authenticated_
               ? mac_is_right(server_key_, server_counter_++, raw, sealed_part(type, payload))
               : mac_is_zero(raw);
}

bool refused_at_the_door(const serverMessage& message) {
    return message.type == static_cast<std::uint16_t>(ServerType::answer) &&
           message.status == static_cast<std::uint16_t>(Status::not_let_in) && message.mac == Mac{};
}

bool payload_is_covered_by_tree(std::uint16_t server_type) {
    switch (static_cast<ServerType>(server_type)) {
        case ServerType::data:
        case ServerType::chunk_hashes:
        case ServerType::leaf_hashes:
            return true;
        default:
            return false;
    }
}

}  // namespace shoal::protocol
