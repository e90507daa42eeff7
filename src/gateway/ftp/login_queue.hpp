// LoginQueue: passwords that wait to be checked, which takes long. Pure; time is an argument.
//
// Whoever has logged in before comes first, then whoever has failed the least. Of equals the newest
// and the oldest take turns: so many strangers who guess at once hold up a right password by a few
// checks, whether it comes behind them or among them.
#pragma once

#include <cstddef>
#include <list>
#include <optional>

#include "gateway/ftp/login_gate.hpp"
#include "gateway/ftp/mail.hpp"

namespace shoal::gateway::ftp {

class LoginQueue {
  public:
    static constexpr std::size_t waiting_max = 1024;
    static constexpr std::size_t waiting_per_address_max = 64;

    // Outlives this.
    explicit LoginQueue(const LoginGate& gate) : gate_(gate) {}

    // When there is no room: who is turned away, the newcomer or whoever has guessed the most.
    std::optional<LoginAttempt> add(LoginAttempt attempt, TimePoint now);
    // The next whose gate is open.
    std::optional<LoginAttempt> take(TimePoint now);
    // When take() will give one.
    [[nodiscard]] std::optional<TimePoint> next(TimePoint now) const;
    [[nodiscard]] std::size_t waiting_of(const std::string& address) const;

  private:
    const LoginGate& gate_;
    std::list<LoginAttempt> waiting_;  // oldest first
    bool newest_{false};               // whose turn it is
};

}  // namespace shoal::gateway::ftp
