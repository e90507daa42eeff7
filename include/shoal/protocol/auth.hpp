// Message authentication (HMAC-SHA256): the handshake's proofs and the MAC on every message.
// Pure; randomness and secrets are arguments. docs/protocol.md has the derivation.
//
// Hellos carry a zero MAC: a Session is made from both of them. From then on every message,
// the client's proof first, is sealed when sent and opened when received, in order.
#pragma once

#include <cstdint>
#include <span>

#include "shoal/integrity/digest.hpp"
#include "shoal/integrity/secret.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::protocol {

using integrity::Secret;

// What both sides have said in their hellos; every proof and key is bound to all of it.
struct HandshakeFacts {
    std::uint16_t version{};
    NodeId client_node;
    NodeId server_node;
    std::uint16_t client_port{};
    std::uint16_t server_port{};
    integrity::Digest client_nonce;
    integrity::Digest server_nonce;
};
HandshakeFacts facts_of(const clientMessage& client_hello, const serverMessage& server_hello);

// Proofs and per-direction MAC state of one connection. Either side uses the same class.
class Session {
  public:
    Session() = default;  // no secret: every MAC is zero and accepted only if zero
    // `secret` is present. Keys are wiped when the session goes.
    Session(const Secret& secret, const HandshakeFacts& facts);
    Session(const Session&) = default;
    Session& operator=(const Session&) = default;
    ~Session();

    [[nodiscard]] bool authenticated() const { return authenticated_; }
    // Whether `proof` is the one that this session expects of that role; in constant time.
    [[nodiscard]] bool is_client_proof(const integrity::Digest& proof) const;
    [[nodiscard]] bool is_server_proof(const integrity::Digest& proof) const;
    [[nodiscard]] const integrity::Digest& client_proof() const { return client_proof_; }
    [[nodiscard]] const integrity::Digest& server_proof() const { return server_proof_; }

    // Sender: sets message.mac; counts the message. `payload` is what follows the message; it
    // is left out (and may be empty) for types whose payload the tree covers.
    void seal(clientMessage& message);
    void seal(serverMessage& message, std::span<const std::uint8_t> payload);
    // Receiver: true when the MAC is right for this place in the stream. False is final: close.
    bool open(const ClientBytes& raw);
    bool open(const ServerBytes& raw, std::span<const std::uint8_t> payload);

  private:
    bool authenticated_{false};
    integrity::Digest client_key_;
    integrity::Digest server_key_;
    integrity::Digest client_proof_;
    integrity::Digest server_proof_;
    std::uint64_t client_counter_{0};
    std::uint64_t server_counter_{0};
};

// Whether this is the one message that a client believes without a MAC, as the reason why the
// server closes: `answer` not_let_in with a MAC of zeros.
bool refused_at_the_door(const serverMessage& message);

// Whether the tree, not the MAC, protects the payload of this type: data, chunk_hashes,
// leaf_hashes.
bool payload_is_covered_by_tree(std::uint16_t server_type);

}  // namespace shoal::protocol
