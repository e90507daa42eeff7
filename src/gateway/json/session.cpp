#include "gateway/json/session.hpp"

#include <algorithm>
#include <utility>

#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

using integrity::Digest;

constexpr std::string_view magic = "SHOAL-JSON ";
constexpr std::string_view proof_word = "PROOF ";
constexpr std::string_view refused_word = "REFUSED ";

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Each label is a line, the hellos are lines: no two derivations share an input.
Digest derive(const integrity::Secret& secret, std::string_view label, std::string_view hellos) {
    return integrity::HmacKey(secret.bytes()).mac({bytes_of(label), bytes_of(hellos)});
}

std::string proof_line(const integrity::Secret& secret, std::string_view role,
                       std::string_view hellos) {
    const std::string label = "shoal json " + std::string(role) + " proof\n";
    return std::string(proof_word) + derive(secret, label, hellos).hex() + "\n";
}

SessionMacs macs_of(const integrity::Secret& secret, std::string_view hellos) {
    if (!secret.present()) {
        return {};
    }
    return {MacStream(derive(secret, "shoal json client key\n", hellos)),
            MacStream(derive(secret, "shoal json server key\n", hellos))};
}

std::string_view take_word(std::string_view& line) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    return word;
}

bool is_hex(std::string_view word, std::size_t digits) {
    return word.size() == digits && word.find_first_not_of("0123456789abcdef") == word.npos;
}

// What is wrong with a hello of that role and mode, if anything.
Refusal fault_of(std::string_view line, std::string_view role, bool authenticated) {
    if (!line.starts_with(magic)) {
        return Refusal::syntax;
    }
    line.remove_prefix(magic.size());
    if (take_word(line) != std::to_string(protocol_version)) {
        return Refusal::version;
    }
    if (take_word(line) != role) {
        return Refusal::syntax;
    }
    const std::string_view mode = take_word(line);
    if (mode != "auth" && mode != "open") {
        return Refusal::syntax;
    }
    const std::string_view id = take_word(line);
    if (!is_hex(id, 32) || !is_hex(line, 64)) {
        return Refusal::syntax;
    }
    return (mode == "auth") == authenticated ? Refusal::none : Refusal::secret;
}

// The next whole line without its end, taken off `input`; nullopt when there is none yet.
// `too_long` is set when there can be none.
std::optional<std::string> take_line(std::string& input, bool& too_long) {
    const std::size_t end = input.find('\n');
    too_long = (end == input.npos ? input.size() : end + 1) > handshake_line_max;
    if (end == input.npos || too_long) {
        return std::nullopt;
    }
    std::string line = input.substr(0, end);
    input.erase(0, end + 1);
    return line;
}

}  // namespace

Mac MacStream::next(std::span<const std::uint8_t> bytes) {
    std::array<std::uint8_t, 8> place{};
    for (std::size_t i = 0; i < place.size(); ++i) {
        place[i] = static_cast<std::uint8_t>(counter_ >> (8 * i));
    }
    ++counter_;
    const Digest full = key_.mac({place, bytes});
    Mac mac;
    std::copy_n(full.bytes.begin(), mac.size(), mac.begin());
    return mac;
}

Identity Identity::random() {
    Identity identity;
    random_bytes(identity.id);
    random_bytes(identity.nonce);
    return identity;
}

std::string refusal_line(Refusal why) {
    const char* words = "";
    switch (why) {
        case Refusal::none:
            return "";
        case Refusal::syntax:
            words = "syntax this is not a hello of the JSON gateway's protocol";
            break;
        case Refusal::version:
            words = "version this gateway speaks version 1";
            break;
        case Refusal::secret:
            words = "secret the secrets differ, or only one side has one";
            break;
        case Refusal::busy:
            words = "busy too many clients; try again later";
            break;
        case Refusal::closing:
            words = "closing this peer is ending";
            break;
    }
    return std::string(refused_word) + words + "\n";
}

std::string hello_line(std::string_view role, bool authenticated, const Identity& identity) {
    return std::string(magic) + std::to_string(protocol_version) + " " + std::string(role) +
           (authenticated ? " auth " : " open ") + text::hex(identity.id) + " " +
           text::hex(identity.nonce) + "\n";
}

// The server --------------------------------------------------------------------------------------

ServerHandshake::ServerHandshake(const integrity::Secret& secret, const Identity& mine)
    : secret_(secret), my_hello_(hello_line("server", secret.present(), mine)) {}

void ServerHandshake::handle(std::string& input) {
    while (state_ == State::talking) {
        bool too_long = false;
        const auto line = take_line(input, too_long);
        if (too_long) {
            return refuse(Refusal::syntax);
        }
        if (!line) {
            return;
        }
        hellos_.empty() ? handle_hello(*line) : handle_proof(*line);
    }
}

void ServerHandshake::handle_hello(std::string_view line) {
    if (const Refusal fault = fault_of(line, "client", secret_.present()); fault != Refusal::none) {
        return refuse(fault);
    }
    hellos_ = std::string(line) + "\n" + my_hello_;
    output_ += my_hello_;
    if (!secret_.present()) {
        state_ = State::open;
    }
}

void ServerHandshake::handle_proof(std::string_view line) {
    const std::string wanted = proof_line(secret_, "client", hellos_);
    const std::string said = std::string(line) + "\n";
    if (!integrity::equal_constant_time(bytes_of(said), bytes_of(wanted))) {
        return refuse(Refusal::secret);
    }
    output_ += proof_line(secret_, "server", hellos_);
    state_ = State::open;
}

void ServerHandshake::refuse(Refusal why) {
    state_ = State::refused;
    why_ = why;
    output_ += refusal_line(why);
}

std::string ServerHandshake::take_output() { return std::exchange(output_, {}); }

SessionMacs ServerHandshake::take_macs() { return macs_of(secret_, hellos_); }

// The client --------------------------------------------------------------------------------------

ClientHandshake::ClientHandshake(const integrity::Secret& secret, const Identity& mine)
    : secret_(secret), hellos_(hello_line("client", secret.present(), mine)), output_(hellos_) {}

std::string ClientHandshake::take_output() { return std::exchange(output_, {}); }

Status ClientHandshake::handle(std::string& input) {
    while (!open_) {
        bool too_long = false;
        const auto line = take_line(input, too_long);
        if (too_long) {
            return Error{ErrorKind::bad_input, "what answers there is no JSON gateway"};
        }
        if (!line) {
            return {};
        }
        if (Status status = handle_line(*line); !status) {
            return status;
        }
    }
    return {};
}

Status ClientHandshake::handle_line(std::string_view line) {
    if (line.starts_with(refused_word)) {
        line.remove_prefix(refused_word.size());
        const std::string_view reason = take_word(line);
        const ErrorKind kind = reason == "secret"                        ? ErrorKind::forbidden
                               : reason == "busy" || reason == "closing" ? ErrorKind::busy
                                                                         : ErrorKind::bad_input;
        return Error{kind, "the gateway refuses: " + text::escape(line)};
    }
    if (!greeted_) {
        return handle_hello(line);
    }
    const std::string wanted = proof_line(secret_, "server", hellos_);
    const std::string said = std::string(line) + "\n";
    if (!integrity::equal_constant_time(bytes_of(said), bytes_of(wanted))) {
        return Error{ErrorKind::forbidden, "the gateway does not know the secret"};
    }
    open_ = true;
    return {};
}

Status ClientHandshake::handle_hello(std::string_view line) {
    switch (fault_of(line, "server", secret_.present())) {
        case Refusal::none:
            break;
        case Refusal::version:
            return Error{ErrorKind::bad_input, "the gateway speaks another version"};
        case Refusal::secret:
            return Error{ErrorKind::forbidden, "the gateway asks for no secret: it may be anybody"};
        default:
            return Error{ErrorKind::bad_input, "what answers there is no JSON gateway"};
    }
    greeted_ = true;
    hellos_ += std::string(line) + "\n";
    if (secret_.present()) {
        output_ += proof_line(secret_, "client", hellos_);
    } else {
        open_ = true;
    }
    return {};
}

SessionMacs ClientHandshake::take_macs() { return macs_of(secret_, hellos_); }

}  // namespace shoal::gateway::json
