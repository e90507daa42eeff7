// Reader: the server loop. Owns every client's socket (server_fd_list), answers each
// clientMessage, and sends file data in fair turns.
//
// One select() a turn over server_read_fds; every client moves at most one quantum a turn, so
// a slow or greedy one holds up nobody. It sleeps when nothing is to be done.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "peer/client_link.hpp"
#include "peer/mail.hpp"
#include "peer/open_files.hpp"
#include "shoal/base/token_bucket.hpp"
#include "shoal/net/poller.hpp"
#include "shoal/overlay/query_gate.hpp"
#include "shoal/swarm/announcer.hpp"
#include "shoal/swarm/first_copies.hpp"
#include "shoal/swarm/upload_queue.hpp"

namespace shoal::peer {

class Reader {
  public:
    explicit Reader(Wiring& wiring);
    // The thread's body: until Stop, then until what is under way has been sent (bounded).
    Status run();

  private:
    using Links = std::map<swarm::ClientKey, std::unique_ptr<ClientLink>>;

    // The client, if it is still there, busy until update_interest() finds that it is idle:
    // whoever gives it something to do asks for it here.
    ClientLink* attend(swarm::ClientKey key);

    // Mail.
    void take_mail(TimePoint now);
    void add_client(NewClient mail, TimePoint now);
    void evict(net::Places::Id place);
    void take_have(const Have& have);
    void take_changed(const ContentChanged& changed);
    void settle_name(const std::string& name, TimePoint now);
    void begin_draining(TimePoint now);
    void hang_up(TimePoint now);

    // Subscriptions (reader_news.cpp).
    void handle_subscribe(ClientLink& link, const protocol::clientMessage& message);
    void handle_unsubscribe(ClientLink& link, const protocol::clientMessage& message);
    void end_subscriptions(const integrity::FileId& id);  // the file is gone
    void end_subscriptions(ClientLink& link);             // the client is
    void forget_unwatched(const integrity::FileId& id);
    void tell_news(TimePoint now);
    // What it has not been told yet of the file goes before the data of it.
    void tell_along(ClientLink& link, const integrity::FileId& id, TimePoint now);
    void tell(const swarm::Announcer::Notice& notice);
    // How far the names are that clients wait for; at most once a second, and only what is new.
    void tell_pending(TimePoint now);
    void tell_pending(const std::string& name);

    // Searches (reader_search.cpp).
    void handle_search(ClientLink& link, const protocol::clientMessage& message, TimePoint now);
    void send_hits(const SendHits& mail);
    void send_done(const SendDone& mail);
    void end_searches(ClientLink& link);
    // The best second of uploading is what this host says of itself in hits.
    void note_rate(std::uint64_t moved, TimePoint now);

    // Input (reader_input.cpp).
    bool receive_from(ClientLink& link, TimePoint now);  // false: gone
    bool read_frames(ClientLink& link, TimePoint now);   // as above
    void take_up_input(TimePoint now);                   // that waited for room to answer
    static bool is_long_work(const ClientLink& link, const protocol::clientMessage& message);
    void handle_deferred(TimePoint now);
    bool handle(ClientLink& link, const protocol::clientMessage& message,
                const protocol::ClientBytes& raw, TimePoint now);
    bool handle_hello(ClientLink& link, const protocol::clientMessage& message, TimePoint now);
    bool handle_proof(ClientLink& link, const protocol::clientMessage& message, TimePoint now);
    void let_in(ClientLink& link, TimePoint now);
    void handle_question(ClientLink& link, const protocol::clientMessage& message, TimePoint now);
    // `looked`: main has looked on the disk for that name.
    void handle_query(ClientLink& link, const protocol::clientMessage& message, bool looked,
                      TimePoint now);
    void handle_list(ClientLink& link, const protocol::clientMessage& message, TimePoint now);
    void answer_lists(const std::string& folder);
    void wait_for_name(ClientLink& link, const protocol::clientMessage& message);
    void handle_request(ClientLink& link, const protocol::clientMessage& message, TimePoint now);
    void handle_cancel(ClientLink& link, const protocol::clientMessage& message);
    // Says no, lets the words arrive, then closes.
    void turn_away(ClientLink& link, std::uint64_t id, protocol::Status status,
                   std::string_view why, TimePoint now);
    void linger(ClientLink& link, TimePoint now);

    // Output (reader_uploads.cpp).
    [[nodiscard]] bool may_upload(TimePoint now);
    void begin_runs(TimePoint now);
    void begin(ClientLink& link, const swarm::UploadQueue::Item& item, TimePoint now);
    LeafRun choose_run(const swarm::UploadQueue::Item& item, const integrity::FileId& id,
                       const OpenFile& file);
    void send_all(TimePoint now);
    void update_interest(TimePoint now);
    void remove(swarm::ClientKey key);
    void enforce_deadlines(TimePoint now);
    [[nodiscard]] std::optional<Duration> timeout(TimePoint now);
    [[nodiscard]] bool drained(TimePoint now);
    [[nodiscard]] HostKey key_of(const ClientLink& link) const;

    Wiring& wiring_;
    net::SelectPoller poller_;  // server_read_fds
    Links server_fd_list_;
    // Of them, those that are not idle: who has something to send, a deadline, or input that is not
    // taken in. So hundreds who only listen cost a turn nothing.
    std::map<swarm::ClientKey, ClientLink*> busy_;
    std::unordered_map<int, swarm::ClientKey> by_fd_;
    // What is kept for the sake of a file's subscribers goes with the last of them.
    struct Watched {
        swarm::Announcer news;
        std::optional<swarm::FirstCopies> copies;  // of what was sent, where a crowd fetches
    };
    std::unordered_map<integrity::FileId, Watched> watched_;
    // Of them, those with news to tell: so subscribers of files that stay as they are cost nothing.
    std::unordered_set<integrity::FileId> news_of_;
    std::multimap<std::string, std::pair<swarm::ClientKey, std::uint64_t>> waiting_for_name_;
    std::map<std::string, store::PendingFile> told_pending_;  // of those names
    // Listings, by folder, that wait until main has caught up with the disk.
    std::multimap<std::string, std::pair<swarm::ClientKey, protocol::clientMessage>> waiting_lists_;
    TimePoint tell_pending_at_{};
    swarm::UploadQueue queue_;
    bool may_begin_{false};  // a client became writable after begin_runs()
    OpenFiles files_;
    overlay::QueryGate<std::string> search_gate_;  // by the address that a client has
    TokenBucket upload_limit_;
    TokenBucket looks_;  // on the disk, for names that the catalog does not have
    std::deque<swarm::ClientKey> deferred_;  // whose input waits behind long work
    std::uint64_t rate_bytes_{0};
    TimePoint rate_since_{};
    std::uint64_t next_key_{1};
    std::uint64_t turn_{0};
    bool draining_{false};
    bool hung_up_{false};
    TimePoint drain_until_{};
};

}  // namespace shoal::peer
