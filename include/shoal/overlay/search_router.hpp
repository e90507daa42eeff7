// SearchRouter: which way searches and their results go. Sans-I/O: time is an argument, what is
// to be sent comes from poll(). One a host.
//
// Theory of operation
//  1. An asker is a connection of the server side (it may ask this host), a server one of the
//     client side (this host may ask it). A search comes from an asker and goes on to servers.
//  2. Request cache: each search id is handled once. The second time it is answered `duplicate`
//     at once and goes nowhere, so every cycle ends.
//  3. A search goes on when its TTL is over 1: to every server but the asker's own host and those
//     on its stack, who have had it. Hops and TTL together are at most 15.
//  4. Its one answer to the asker, with the counts of the whole branch, is due when this host has
//     compared its own files and each server asked has answered, is lost, or is late.
//  5. Hits go to whoever asked, at any time while the entry lives, also behind the answer. They
//     are taken only from servers that were asked that very id. Response cache: the same hits of
//     the same holder pass once.
//  6. When the asker is gone, another way home is taken: an asker who listens at an address of
//     the stack, the nearest first, else one who asked the same id too. What has passed is sent
//     again that way (Resend); rule 5 drops what had arrived. Else the origin sees the branch
//     as lost and asks once more.
//  7. Everything is bounded: entries by number and age, hits and other askers per entry.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "shoal/overlay/route.hpp"

namespace shoal::overlay {

class SearchRouter {
  public:
    static constexpr std::size_t entries_max = 8192;
    static constexpr std::size_t hits_per_search_max = 1000;  // messages
    static constexpr std::size_t other_askers_max = 8;
    static constexpr Duration keep{std::chrono::seconds(20)};  // an entry, behind its deadline

    struct Forward {  // send it on to `to`
        SourceId to;
        Route route;
    };
    struct Reply {  // all is known: the answer to the asker's request
        AskerId to;
        std::uint64_t request{};
        Counts counts;
    };
    struct Resend {  // all hits of that search that were kept go to `to`
        AskerId to;
        SearchId id;
    };
    struct OwnDone {  // as Reply, of a search that began here
        SearchId id;
        Counts counts;
    };
    using Action = std::variant<Forward, Reply, Resend, OwnDone>;

    // Neighbours. `listens` is the address seen on the socket with the port of the hello.
    void handle_asker_up(AskerId asker, const HostAddress& listens, const NodeId& node);
    void handle_asker_gone(AskerId asker);
    // Searches that began here and are open are sent to it, too.
    void handle_server_up(SourceId server, const HostAddress& address, const NodeId& node);
    void handle_server_gone(SourceId server);

    // A search that came in as `request` of that asker.
    enum class Verdict {
        fresh,      // compare your own files, then handle_local_done()
        duplicate,  // a Reply says so
        malformed,  // refuse it: a stack that loops, a TTL of 0
        unknown,    // the asker is gone
    };
    Verdict handle_search(AskerId from, std::uint64_t request, Route route, TimePoint now);
    // One that begins here: an empty stack. This host's own files are not asked.
    void begin_own(const Route& route, TimePoint now);
    // Forgets it: what still comes is dropped.
    void end_own(const SearchId& id);
    // `all`: every file of this host was held against it.
    void handle_local_done(const SearchId& id, bool all = true);

    // Hits that came from `from`, or from this host's own files (nullopt). `fingerprint` tells
    // contents apart; `bytes` is what sending them on costs.
    struct Way {
        enum class Kind {
            drop,
            own,    // for this host's user
            asker,  // send it to `to`, and keep it: a Resend may ask for it
            hold,   // nobody to send it to now: keep it
        };
        Kind kind{Kind::drop};
        AskerId to;
    };
    Way handle_hits(std::optional<SourceId> from, const SearchId& id, std::uint64_t fingerprint,
                    std::size_t bytes);
    // The answer of a server that was asked. Without counts it refused.
    void handle_done(SourceId from, const SearchId& id, const std::optional<Counts>& counts);

    void handle_timeout(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    // In order, until nullopt.
    std::optional<Action> poll();

    struct Totals {
        std::uint64_t handled{}, forwarded{}, duplicates{}, malformed{};
        std::uint64_t hits_passed{}, hits_dropped{}, repaired{};
    };
    [[nodiscard]] const Totals& totals() const { return totals_; }
    [[nodiscard]] std::size_t entries() const { return entries_.size(); }
    // Approximate, for tests that look for growth.
    [[nodiscard]] std::size_t memory() const;

  private:
    struct Neighbour {
        HostAddress address;
        NodeId node;
        std::uint32_t open{0};  // servers: asked and not answered
    };
    struct Entry {
        bool own{false};
        bool open{true};        // its answer is still due
        bool answerable{true};  // and `from` is who waits for it
        bool local{true};       // own files are being compared
        std::optional<AskerId> from;
        std::uint64_t request{};
        Route route;                   // as handled: TTL clamped; own: as begun
        std::vector<HostAddress> way;  // the stack, and the asker on top
        TimePoint deadline;
        TimePoint expires;
        Counts counts;
        std::vector<SourceId> asked;
        std::vector<SourceId> pending;  // of those, without an answer
        std::vector<AskerId> others;    // who asked the same
        std::vector<std::uint64_t> passed;
    };
    using Entries = std::unordered_map<SearchId, Entry>;

    static bool loops(const std::vector<HostAddress>& way);
    Entry& add(Entry entry, TimePoint now);
    void forward(Entry& entry);
    void forward_to(Entry& entry, SourceId server, Neighbour& neighbour);
    void answer_duplicate(AskerId from, std::uint64_t request);
    void settle(const SearchId& id, Entry& entry);
    void close(const SearchId& id, Entry& entry);
    bool find_way(const SearchId& id, Entry& entry);
    void make_room();

    std::map<AskerId, Neighbour> askers_;
    std::map<SourceId, Neighbour> servers_;
    Entries entries_;
    std::deque<SearchId> by_age_;
    std::multimap<TimePoint, SearchId> timers_;  // each entry's deadline, then its end
    std::deque<Action> actions_;
    Totals totals_;
};

}  // namespace shoal::overlay
