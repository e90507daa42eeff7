// The handshake: who is there, before any JSON is read. Sans-I/O; ids and nonces are arguments.
//
//   client                                          server
//   SHOAL-JSON 1 client auth ID NONCE  ──────────▶
//                                      ◀──────────  SHOAL-JSON 1 server auth ID NONCE
//   PROOF HMAC                         ──────────▶
//                                      ◀──────────  PROOF HMAC
//
// Proofs and keys are HMACs over a label and both hello lines as they crossed the wire, so over
// roles, versions, ids and nonces: what was replayed, crossed, reflected or rewritten on the way
// gives another value on one of the sides. Gateways without a secret say "open" instead of
// "auth", and no proof follows. docs/json-api.md has the bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shoal/integrity/digest.hpp"
#include "shoal/integrity/secret.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::gateway::json {

inline constexpr unsigned protocol_version = 1;
inline constexpr std::size_t handshake_line_max = 160;  // bytes, with the line end
inline constexpr std::size_t mac_size = 16;
using Mac = std::array<std::uint8_t, mac_size>;

// The MACs of one direction of one connection: each covers its place in the stream.
class MacStream {
  public:
    explicit MacStream(const integrity::Digest& key) : key_(key.bytes) {}
    // Of the next unit, a line or a block of content; counts it.
    Mac next(std::span<const std::uint8_t> bytes);

  private:
    integrity::HmacKey key_;
    std::uint64_t counter_{0};
};

// Of a connection; none where there is no secret.
struct SessionMacs {
    std::optional<MacStream> client;  // what the client sends
    std::optional<MacStream> server;
};

struct Identity {
    std::array<std::uint8_t, 16> id{};
    std::array<std::uint8_t, 32> nonce{};
    static Identity random();
};

// Why a server turns somebody away; the words of its REFUSED line.
enum class Refusal { none, syntax, version, secret, busy, closing };
std::string refusal_line(Refusal why);

// What both hellos and proofs are made of.
std::string hello_line(std::string_view role, bool authenticated, const Identity& identity);

class ServerHandshake {
  public:
    enum class State { talking, open, refused };

    // `secret` stays its owner's; one that is not present means: open to all.
    ServerHandshake(const integrity::Secret& secret, const Identity& mine);

    // Takes what it understands from the front of `input`; what follows the handshake stays.
    void handle(std::string& input);
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Refusal why() const { return why_; }
    // What is to be sent, once. The line of a refusal is part of it.
    std::string take_output();
    // When open, once.
    SessionMacs take_macs();

  private:
    void handle_hello(std::string_view line);
    void handle_proof(std::string_view line);
    void refuse(Refusal why);

    const integrity::Secret& secret_;
    std::string my_hello_;
    std::string hellos_;  // both lines, once the client's is here
    std::string output_;
    State state_{State::talking};
    Refusal why_{Refusal::none};
};

class ClientHandshake {
  public:
    ClientHandshake(const integrity::Secret& secret, const Identity& mine);

    // The hello first.
    std::string take_output();
    // The error says why it came to nothing; forbidden: one side does not know the secret.
    Status handle(std::string& input);
    [[nodiscard]] bool open() const { return open_; }
    SessionMacs take_macs();

  private:
    Status handle_line(std::string_view line);
    Status handle_hello(std::string_view line);

    const integrity::Secret& secret_;
    std::string hellos_;  // mine, then also the server's
    std::string output_;
    bool greeted_{false};
    bool open_{false};
};

}  // namespace shoal::gateway::json
