// PassivePorts: where PASV and EPSV listen. Any thread.
#pragma once

#include <cstdint>

#include "shoal/base/fd.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/result.hpp"
#include "shoal/net/address.hpp"

namespace shoal::gateway::ftp {

class PassivePorts {
  public:
    // Both ends included; 0, 0: whichever the system gives.
    PassivePorts(std::uint16_t low, std::uint16_t high) : low_(low), high_(high) {}

    // A listening socket above select()'s range, at the address that the client came to. Starts
    // anywhere in the range, so that the next port cannot be guessed.
    Result<Fd> listen(const net::Address& local, SmallRandom& random) const;

  private:
    std::uint16_t low_;
    std::uint16_t high_;
};

}  // namespace shoal::gateway::ftp
