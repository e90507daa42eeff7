// Listener: accepts on the port, checks the limits, hands sockets to the reader. Its thread
// does nothing else, so connecting never waits for a long serve.
#pragma once

#include <deque>

#include "peer/mail.hpp"
#include "shoal/net/poller.hpp"

namespace shoal::peer {

class Listener {
  public:
    Listener(Wiring& wiring, Fd listening);
    // The thread's body: until Stop. The listening socket is closed on return.
    Status run();

  private:
    bool take_mail();  // false: stop
    // Accepts what waits; false when descriptors ran out and a pause is due.
    bool accept_all();
    void admit(Fd socket, const net::Address& address);
    void refuse(Fd socket);
    void close_parted(TimePoint now);
    void make_room();

    Wiring& wiring_;
    Fd listening_;
    Fd spare_;  // given up for a moment when descriptors run out
    net::SelectPoller poller_;
    // Turned away, and closed a moment later: a reset could overtake the answer.
    std::deque<std::pair<TimePoint, Fd>> parting_;
    net::Places places_;
    net::Places::Id next_place_{1};
};

}  // namespace shoal::peer
