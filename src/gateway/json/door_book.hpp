// DoorBook: how long an address waits that did not know the secret. Pure; time is an argument.
#pragma once

#include <map>
#include <string>

#include "shoal/base/time.hpp"

namespace shoal::gateway::json {

class DoorBook {
  public:
    // A wrong proof from that block of addresses: how long the answer to it waits. Doubles up to
    // 8 s; forgotten after a minute without another one.
    Duration failed(const std::string& block, TimePoint now);

  private:
    struct Failures {
        unsigned count{0};
        TimePoint last;
    };
    std::map<std::string, Failures> failures_;  // bounded
};

}  // namespace shoal::gateway::json
