// AcceptorLoop: the thread that accepts, checks the limits and hands each client to the worker that
// has the fewest.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "gateway/ftp/mail.hpp"
#include "shoal/gateway/ftp/server.hpp"
#include "shoal/net/acceptor.hpp"
#include "shoal/net/epoll_poller.hpp"

namespace shoal::gateway::ftp {

class AcceptorLoop {
  public:
    // The boxes are the workers'.
    AcceptorLoop(const Options& options, net::Acceptor acceptor);

    Status run(std::span<WorkerBox* const> workers);  // the thread, until Stop
    [[nodiscard]] AcceptorBox& mailbox() { return mailbox_; }

  private:
    bool take_mail();
    void forget(const ClientGone& gone);
    bool accept_all(std::span<WorkerBox* const> workers);
    void admit(Fd socket, const net::Address& peer, std::span<WorkerBox* const> workers);
    [[nodiscard]] unsigned limit_for(const net::Address& peer) const;

    const Options& options_;
    net::Acceptor acceptor_;
    AcceptorBox mailbox_;
    net::EpollPoller poller_;
    std::vector<unsigned> clients_;  // of each worker
    std::map<std::string, unsigned> per_address_;
    bool said_full_{false};
};

}  // namespace shoal::gateway::ftp
