// Connector: dials every known host, once a second, and hands connected sockets to the
// requester. It never waits for one host, nor for one name, while another could answer.
#pragma once

#include <map>

#include "peer/dial_plan.hpp"
#include "peer/mail.hpp"
#include "shoal/net/hosts_file.hpp"
#include "shoal/net/poller.hpp"
#include "shoal/net/resolver.hpp"

namespace shoal::peer {

class Connector {
  public:
    // `hosts` has been read once already, so that a missing file is an error at start.
    Connector(Wiring& wiring, net::HostsFile hosts);
    // The thread's body: until Stop.
    Status run();

  private:
    struct Attempt {
        Fd socket;
        net::Address address;
        TimePoint deadline;
    };

    bool take_mail(TimePoint now);  // false: stop
    void take_verdict(const DialVerdict& verdict, TimePoint now);
    void read_hosts(TimePoint now);
    void look_up(TimePoint now);
    void take_names(TimePoint now);
    void dial_due(TimePoint now);
    void dial(const net::Address& address, TimePoint now);
    void finish_attempt(int fd, TimePoint now);
    void give_up_late_ones(TimePoint now);
    void report();

    Wiring& wiring_;
    net::HostsFile hosts_;
    DialPlan plan_;
    net::Resolver resolver_;
    net::SelectPoller poller_;
    std::map<int, Attempt> attempts_;  // by descriptor
    std::vector<std::string> warnings_;
    TimePoint next_round_{};
    bool changed_{true};
};

}  // namespace shoal::peer
