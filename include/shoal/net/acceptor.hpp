// Acceptor: a listening socket for a gateway. What it accepts, and its own socket, lie above
// select()'s range. One owner thread.
//
// When the process is out of descriptors, a spare one is given up for a moment to turn a waiting
// client away with a word; without that the listening socket would stay readable and spin.
#pragma once

#include <string>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/net/address.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::net {

class Acceptor {
  public:
    // `farewell` is what a client that is turned away for want of descriptors is told.
    static Result<Acceptor> listen(const Address& address, int backlog, std::string farewell);

    [[nodiscard]] int fd() const { return listening_.get(); }  // watch it for reading
    [[nodiscard]] Address address() const { return local_address(listening_.get()); }

    // State::descriptor_limit: one client was turned away. Look again after a pause: the next
    // may be as unlucky.
    Accepted accept();

  private:
    Acceptor(Fd listening, std::string farewell);
    void make_room();
    void turn_away();

    Fd listening_;
    Fd spare_;
    std::string farewell_;
};

}  // namespace shoal::net
