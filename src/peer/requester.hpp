// Requester: the client loop. Owns every client socket (client_fd_list) and each download,
// and carries the front end, whose orders it takes.
//
// A turn: mail, readable links, timers, then everything that came of it is driven and sent.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "peer/engine.hpp"
#include "peer/fetch.hpp"
#include "peer/gateway_desk.hpp"
#include "peer/mail.hpp"
#include "peer/searches.hpp"
#include "shoal/base/token_bucket.hpp"
#include "shoal/net/poller.hpp"
#include "shoal/peer/front_end.hpp"

namespace shoal::peer {

class Requester {
  public:
    Requester(Wiring& wiring, PeerApi& api, FrontEnd& front);
    // The thread's body: until Stop.
    Status run();

  private:
    // A list of peers, for the first tries to reach them.
    static constexpr Duration first_tries_max{std::chrono::seconds(2)};

    struct ListOrder {
        ListCommand command;
        TimePoint began_at;
        std::unique_ptr<Listing> listing;  // once somebody was asked
        std::optional<TimePoint> done_at;  // everybody who was asked has told all
    };

    struct PeersOrder {
        PeersCommand command;
        TimePoint due;
    };

    // Mail and orders (requester_orders.cpp).
    bool take_mail(TimePoint now);  // false: stop
    void take_host_table(HostTable table);
    void take_limits(const LimitsCommand& limits, TimePoint now);
    void drive_peer_lists(TimePoint now);
    void tell_peers(const PeersCommand& command);
    void take_status(const StatusCommand& command);
    void forget_sink(EventSink* sink);
    void start_fetch(FetchCommand command, TimePoint now);
    void cancel_fetch(FetchId fetch, TimePoint now);
    void start_list(ListCommand command, TimePoint now);
    void drive_lists(TimePoint now);
    [[nodiscard]] bool awaits_hosts(const ListOrder& order, TimePoint now) const;
    [[nodiscard]] std::optional<TimePoint> next_list_timeout(TimePoint now) const;
    void add_own_names(Listing::Names& names, ListOrder& order);
    void finish_list(ListOrder& order);
    static void add_rows(FileList& list, const std::string& name, const Listing::Name& told);

    // Links.
    void add_link(NewServer server, TimePoint now);
    void receive_all(const std::vector<net::Ready>& ready_now, TimePoint now);
    void receive_from(ServerLink& link, TimePoint now);
    void tell_received(TimePoint now);
    void look_at_phase(ServerLink& link, ServerLink::Phase before, TimePoint now);
    void link_is_up(ServerLink& link, TimePoint now);
    void bury_dead(TimePoint now);
    [[nodiscard]] HostKey key_of(const ServerLink& link) const;
    void tell_refused(const ServerLink& link);
    void expire_hellos(TimePoint now);

    void hash_arrived(bool quiet, TimePoint now);
    void take_checked(const Checked& checked, TimePoint now);

    // A turn.
    void drive(TimePoint now);
    bool sweep();  // true: something went, others may begin
    void report_progress(TimePoint now);
    void draw_maps();
    void serve_front(const std::vector<net::Ready>& ready_now, TimePoint now);
    [[nodiscard]] bool may_download(TimePoint now);
    void update_interest(TimePoint now);
    void watch_front();
    [[nodiscard]] std::optional<Duration> timeout(TimePoint now);
    void stop_all();

    Wiring& wiring_;
    PeerApi& api_;
    FrontEnd& front_;
    Engine engine_;
    GatewayDesk gateways_;
    net::SelectPoller poller_;
    std::unordered_map<int, SourceId> by_fd_;
    std::vector<std::unique_ptr<Fetch>> fetches_;
    std::vector<ListOrder> lists_;
    std::vector<PeersOrder> peer_lists_;
    Searches searches_{engine_};
    TokenBucket download_limit_;
    std::vector<std::uint8_t> scratch_;  // for hashing
    TimePoint next_report_{};
    TimePoint next_maps_{};
    TimePoint next_told_{};
    bool untold_{false};             // something was received since
    std::vector<SourceId> backlog_;  // links with input that the last turn had no time for
    int front_input_{-1};
    int front_output_{-1};
    bool turn_again_{false};  // what was done last made work for those driven before
    bool finish_said_{false};
};

}  // namespace shoal::peer
