// Guest: a client that has not shown yet that it knows the secret. It costs a few hundred bytes,
// no thread and no JSON, for ten seconds at most, however slowly it talks. Waiting thread only.
#pragma once

#include <string>

#include "gateway/json/session.hpp"
#include "shoal/base/fd.hpp"

namespace shoal::gateway::json {

class Guest {
  public:
    enum class State {
        talking,
        welcome,  // take() it
        refused,  // say_why() when it has waited long enough
        leaving,  // told; until it closes, or its time is over
        gone,
    };

    Guest(Fd socket, const integrity::Secret& secret);

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Refusal why() const { return handshake_.why(); }
    void handle_readable();
    void say_why();

    // When welcome: its socket, keys, and what it sent behind the handshake.
    Fd take_socket() { return std::move(socket_); }
    SessionMacs take_macs() { return handshake_.take_macs(); }
    [[nodiscard]] const std::string& said() const { return input_; }

  private:
    bool send(const std::string& text);

    Fd socket_;
    ServerHandshake handshake_;
    std::string input_;
    State state_{State::talking};
};

}  // namespace shoal::gateway::json
