// LoginGate: how long an address that guesses passwords has to wait, and who comes before whom.
// Pure; time is an argument.
//
// The n-th failure in a row closes the gate for that address for 1/4 s, 1/2 s, ... up to 8 s; while
// it is closed no attempt from there is looked at. A success, or ten quiet minutes, forgets.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "shoal/base/time.hpp"

namespace shoal::gateway::ftp {

class LoginGate {
  public:
    static constexpr std::size_t addresses_max = 4096;

    // When the next attempt of `address` may be looked at; `now` if at once.
    [[nodiscard]] TimePoint opens_at(const std::string& address, TimePoint now) const;
    // Whoever has logged in before is -1, others are their failures in a row: the least comes
    // first.
    [[nodiscard]] int rank(const std::string& address, TimePoint now) const;
    void handle_success(const std::string& address, TimePoint now);
    // Returns when the gate opens again, which is also when the refusal should be told.
    TimePoint handle_failure(const std::string& address, TimePoint now);

  private:
    struct Entry {
        unsigned failures{0};
        bool known{false};  // has logged in
        TimePoint opens{};  // or the last success
    };

    void make_room(TimePoint now);

    std::map<std::string, Entry> entries_;
};

}  // namespace shoal::gateway::ftp
