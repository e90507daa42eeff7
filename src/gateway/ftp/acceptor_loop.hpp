// AcceptorLoop: the thread that accepts, checks the limits and hands each client to the worker that
// has the fewest.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "gateway/ftp/mail.hpp"
#include "shoal/gateway/ftp/server.hpp"
#include "shoal/net/acceptor.hpp"
#include "shoal/net/epoll_poller.hpp"
#include "shoal/net/places.hpp"

namespace shoal::gateway::ftp {

class AcceptorLoop {
  public:
    // The boxes are the workers'.
    AcceptorLoop(const Options& options, net::Acceptor acceptor);

    Status run(std::span<WorkerBox* const> workers);  // the thread, until Stop
    [[nodiscard]] AcceptorBox& mailbox() { return mailbox_; }

  private:
    bool take_mail();
    void forget(Place place);
    bool accept_all(std::span<WorkerBox* const> workers);
    void admit(Fd socket, const net::Address& peer, std::span<WorkerBox* const> workers);
    void refuse(const Fd& socket, net::Places::Entry why);
    [[nodiscard]] unsigned limit_for(const net::Address& peer) const;

    const Options& options_;
    net::Acceptor acceptor_;
    AcceptorBox mailbox_;
    net::EpollPoller poller_;
    net::Places places_;
    std::map<Place, std::size_t> workers_of_;  // which worker has it
    std::vector<unsigned> clients_;            // of each worker
    Place next_place_{1};
    bool said_full_{false};
};

}  // namespace shoal::gateway::ftp
