// DoorBook: who may come in now: how many clients there are, in all and of each address, and how
// long an address waits that did not know the secret. Pure; time is an argument.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "shoal/base/time.hpp"

namespace shoal::gateway::json {

class DoorBook {
  public:
    DoorBook(std::uint32_t clients_max, std::uint32_t per_address_max)
        : clients_max_(clients_max), per_address_max_(per_address_max) {}

    enum class Entry { admitted, too_many_from_there, full };
    // Counts it when there is room.
    Entry admit(const std::string& address);
    void leave(const std::string& address);

    // A wrong proof: how long the answer to it waits. Doubles up to 8 s; forgotten after a minute
    // without another one.
    Duration failed(const std::string& address, TimePoint now);

  private:
    struct Failures {
        unsigned count{0};
        TimePoint last;
    };
    std::uint32_t clients_max_;
    std::uint32_t per_address_max_;
    std::uint32_t clients_{0};
    std::map<std::string, std::uint32_t> per_address_;
    std::map<std::string, Failures> failures_;
};

}  // namespace shoal::gateway::json
