// Listing: asks every connected server for its files whose names begin with a prefix, page by page,
// and gathers them by name and content. Requester's thread.
//
// Who refuses for the moment is asked once more; whose connection broke, when it is back. With
// Patience::until_told, a server that does not know all yet is asked again for as long as the
// owner likes. What is missing for good stands in gaps().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/listing_walk.hpp"
#include "peer/servers.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

class Listing {
  public:
    struct Holders {
        std::vector<SourceId> complete;
        std::vector<SourceId> partial;
    };
    using Versions = std::map<integrity::FileId, Holders>;
    struct Name {
        Versions versions;
        std::vector<SourceId> pending;  // hosts that do not know its root yet
        std::uint64_t pending_size{};   // as the first of them said
    };
    using Names = std::map<std::string, Name>;
    enum class Patience { as_it_is, until_told };

    Listing(Servers& servers, std::string prefix, std::size_t names_max, Patience patience)
        : servers_(servers),
          prefix_(std::move(prefix)),
          names_max_(names_max),
          patience_(patience) {}
    ~Listing() { servers_.forget(this); }
    // That a host has a file, or has yet to hash it; a pending size is the first that was told.
    static void enter(Name& name, const integrity::FileId& id, std::uint64_t held, SourceId source);
    Listing(const Listing&) = delete;
    Listing& operator=(const Listing&) = delete;

    void ask(ServerLink& link, TimePoint now);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

    // Nobody will tell more by itself: each has told all, or is one of gaps().
    [[nodiscard]] bool done() const;
    // When the last of those that are being asked will have been silent for so long; nullopt:
    // nobody is being asked.
    [[nodiscard]] std::optional<TimePoint> quiet_at(Duration silence) const;
    [[nodiscard]] std::size_t answered() const;  // hosts that told anything
    // What it has, or that it has not told it, is known by now: see gaps().
    [[nodiscard]] bool has_asked(const std::string& host) const { return hosts_.contains(host); }
    [[nodiscard]] bool truncated() const { return truncated_; }
    // Hosts that have not told all that they have, and why.
    [[nodiscard]] std::vector<ListGap> gaps() const;
    // When a page of many names, or the last one, has last brought new ones.
    [[nodiscard]] TimePoint progressed_at() const { return progressed_at_; }
    [[nodiscard]] Names& names() { return names_; }
    // Names that came since the last call.
    std::vector<Names::iterator> take_new() { return std::exchange(new_, {}); }

  private:
    enum class State { asking, refused, incomplete, complete, broken };
    struct Host {  // by the address that it is dialled at: it may come back on another link
        SourceId link;
        State state{State::asking};
        std::optional<ListingWalk> walk;
        TimePoint heard_at;
        TimePoint again_at;
        unsigned refusals{0};
        unsigned breaks{0};
        unsigned times_told{0};
        bool told{false};
        std::string why;
    };
    void begin(ServerLink& link, Host& host, TimePoint now);
    void ask_page(ServerLink& link, const Host& host);
    void handle_page(ServerLink& link, const Reply& reply, TimePoint now);
    void handle_refusal(ServerLink& link, Host& host, const Reply& reply, TimePoint now);
    void settle(Host& host, ListingWalk::Verdict verdict, TimePoint now);
    void take(const protocol::ListingRecord& record, SourceId source);

    Servers& servers_;
    std::string prefix_;
    std::size_t names_max_;
    Patience patience_;
    Names names_;
    std::vector<Names::iterator> new_;
    std::size_t cost_{0};
    std::map<std::string, Host> hosts_;
    bool truncated_{false};
    TimePoint progressed_at_{};
};

}  // namespace shoal::peer
