// Waiter: the thread that waits, for all clients at once, by epoll. It accepts, shakes hands, and
// hands connections that have something to do to the pool. The pool lays them into their berths
// again, where the next news of their sockets or jobs finds them.
//
//   listener ─▶ Guest (handshake) ─▶ Berth ─▶ WorkQueue ─▶ pool thread: Connection::work()
//                                      ▲                        │
//                                      └────────────────────────┘
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "gateway/json/connection.hpp"
#include "gateway/json/door_book.hpp"
#include "gateway/json/guest.hpp"
#include "gateway/json/work_queue.hpp"
#include "shoal/net/acceptor.hpp"
#include "shoal/net/epoll_poller.hpp"
#include "shoal/net/mailbox.hpp"
#include "shoal/net/places.hpp"

namespace shoal::gateway::json {

struct Stop {};
struct Wake {  // a job has news
    std::uint64_t connection{};
};
struct Done {  // to be closed
    ConnectionPtr connection;
};
using WaiterMail = std::variant<Stop, Wake, Done>;
using WaiterMailbox = net::Mailbox<WaiterMail>;

class Waiter {
  public:
    // `mailbox` is shared with the callbacks given to the peer, which may come later than all.
    // At most `clients_max` clients, `address_max` of one address.
    Waiter(net::Acceptor acceptor, const integrity::Secret& secret, std::uint32_t clients_max,
           std::uint32_t address_max, Shared& shared, std::shared_ptr<WaiterMailbox> mailbox,
           WorkQueue& queue);

    // Until it is told to stop and has let go of all clients.
    Status run();

  private:
    struct Seat {
        std::string block;             // of its address
        std::unique_ptr<Guest> guest;  // before the handshake
        TimePoint guest_deadline;
        std::shared_ptr<Berth> berth;  // behind it
        int fd{-1};
    };

    void take_mail();
    void accept_all(TimePoint now);
    void take_in(net::Accepted accepted, TimePoint now);
    [[nodiscard]] bool admit(std::uint64_t id, const net::Address& from);
    void handle_ready(const net::Ready& ready, TimePoint now);
    void handle_guest(std::uint64_t id, Seat& seat, TimePoint now);
    void welcome(std::uint64_t id, Seat& seat, TimePoint now);
    void hand_out(std::uint64_t id, Seat& seat, ConnectionPtr connection, TimePoint now);
    void wake(std::uint64_t id, TimePoint now);
    void close(std::uint64_t id);
    void keep_guest(Seat& seat, TimePoint deadline);
    void look_by(TimePoint time);
    void sweep(TimePoint now);
    void expire(std::uint64_t id, Seat& seat, TimePoint now);
    void expire_guest(std::uint64_t id, Seat& seat, TimePoint now);
    void begin_stop(TimePoint now);
    [[nodiscard]] bool over() const;
    [[nodiscard]] bool drained(TimePoint now) const;
    [[nodiscard]] std::optional<Duration> timeout(TimePoint now) const;

    net::Acceptor acceptor_;
    const integrity::Secret& secret_;
    net::Places places_;
    std::uint32_t address_max_;
    DoorBook book_;
    Shared& shared_;
    std::shared_ptr<WaiterMailbox> mailbox_;
    WorkQueue& queue_;
    net::EpollPoller poller_;
    std::unordered_map<std::uint64_t, Seat> seats_;
    std::unordered_map<int, std::uint64_t> by_fd_;
    std::vector<std::uint8_t> scratch_;
    std::uint64_t next_id_{1};
    std::optional<TimePoint> next_sweep_;
    std::optional<TimePoint> accept_again_;
    std::optional<TimePoint> stop_deadline_;
};

}  // namespace shoal::gateway::json
