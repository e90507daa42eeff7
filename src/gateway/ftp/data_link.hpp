// DataLink: a client's data connection, from PASV or PORT to its end. One owner thread; its
// descriptor is watched by whoever owns it.
#pragma once

#include "gateway/ftp/passive_ports.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/net/address.hpp"

namespace shoal::gateway::ftp {

class DataLink {
  public:
    enum class State : std::uint8_t { none, listening, connecting, connected };

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] int fd() const { return fd_.get(); }  // -1 for none

    // Both begin anew: release() comes before. A listener returns its address.
    Result<net::Address> listen(const PassivePorts& ports, const net::Address& local,
                                SmallRandom& random);
    Status connect(const net::Address& to, const net::Address& from);

    // When ready: true when something has come of it. Only `peer`'s host is let in; of others the
    // connections are closed. The descriptor may be another then; the old one is in `old`, to be
    // forgotten before it is closed.
    struct Outcome {
        bool settled{false};
        Status status{};
        Fd old{};
    };
    Outcome handle_ready(const net::Address& peer);
    Fd release();

  private:
    void become_connected();

    State state_{State::none};
    Fd fd_;
};

}  // namespace shoal::gateway::ftp
