// Worker: one epoll thread with many clients. Everything in it belongs to that thread but the
// mailbox.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/ftp/mail.hpp"
#include "gateway/ftp/passive_ports.hpp"
#include "shoal/base/random.hpp"
#include "shoal/gateway/ftp/server.hpp"
#include "shoal/net/epoll_poller.hpp"

namespace shoal::gateway::ftp {

class Client;

// What all threads of a server share; constant while they run.
struct Shared {
    Options options;
    SessionRules rules;
    PassivePorts ports{0, 0};
    peer::GatewayApi* api{nullptr};
    VerifierBox* verifier{nullptr};
    AcceptorBox* acceptor{nullptr};
};

class Worker {
  public:
    explicit Worker(const Shared& shared);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    [[nodiscard]] WorkerBox& mailbox() { return mailbox_; }
    // The thread: until Stop, and then until the last client has gone, at most 4 s.
    Status run();

    // For clients, on this thread.
    [[nodiscard]] const Shared& shared() const { return shared_; }
    [[nodiscard]] SmallRandom& random() { return random_; }
    [[nodiscard]] std::span<std::uint8_t> scratch() { return scratch_; }
    [[nodiscard]] bool stopping() const { return stopping_; }
    [[nodiscard]] Status watch(int fd, Client& client, bool read, bool write);
    void forget(int fd);
    // Closes `fd` when this round is over: until then its number must not come back.
    void bury(Fd fd);

  private:
    void take_mail();
    void handle(WorkerMail mail);
    void add(NewClient fresh);
    void evict(Place place);
    void settle(Client& client);
    void stop();
    void run_deadlines(TimePoint now);
    [[nodiscard]] std::optional<Duration> until_next(TimePoint now) const;
    Client* find(ClientId id);

    const Shared& shared_;
    WorkerBox mailbox_;
    net::EpollPoller poller_;
    std::unordered_map<ClientId, std::unique_ptr<Client>> clients_;
    std::unordered_map<Place, ClientId> strangers_;  // who have not logged in
    std::vector<Client*> by_fd_;
    // Each client has one; when its time has come the client may say that it means a later one. So
    // activity costs nothing here.
    std::set<std::pair<TimePoint, ClientId>> deadlines_;
    std::vector<Fd> graveyard_;
    std::vector<std::uint8_t> scratch_;
    SmallRandom random_;
    ClientId last_id_{0};
    bool stopping_{false};
    TimePoint stop_by_{};
};

}  // namespace shoal::gateway::ftp
