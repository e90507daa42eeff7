// DialPlan: whom to dial, and when. Sans-I/O: time is an argument, sockets are the
// connector's.
//
// Hosts of hosts.txt are tried once a second until they are connected; hosts that connected
// here are dialled back once. Hosts that a user picked from a search are tried like those of
// hosts.txt as long as somebody fetches from them. An address that turned out to be this process is
// never dialled again; one that leads to a node connected elsewhere waits until that connection is
// gone. Where ids prove nothing (no secret), only one seen at the same address counts as the same.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peer/unasked.hpp"
#include "shoal/base/ids.hpp"
#include "shoal/base/time.hpp"
#include "shoal/net/address.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

class DialPlan {
  public:
    static constexpr Duration retry_every{std::chrono::seconds(1)};
    static constexpr Duration attempt_max{std::chrono::seconds(3)};
    static constexpr Duration lookup_again{std::chrono::seconds(5)};  // after a failure
    static constexpr Duration unheard_max{std::chrono::seconds(60)};  // then it is not there
    // At once: in all, and of one block of addresses (net::block_of()).
    static constexpr std::size_t dial_backs_max = 256;
    static constexpr std::size_t dial_backs_per_address_max = 32;

    // `ids_prove`: nobody else can say a host's node id.
    DialPlan(NodeId self, bool ids_prove) : self_(self), ids_prove_(ids_prove) {}

    // The content of hosts.txt: names that are new are added, others forgotten (a connection
    // that stands is kept).
    void handle_hosts(const std::vector<net::HostName>& hosts, TimePoint now);
    // A name is being looked up: next_lookup() names it no more until there is an answer.
    void handle_lookup(const net::HostName& name, TimePoint now);
    // Look-ups that take longer than attempt_max keep nobody waiting: they go on, but their hosts
    // count as settled. True when rows() has changed by it.
    bool handle_slow_lookups(TimePoint now);
    // A name's addresses, or that it has none. They are dialled in turn until one is connected;
    // when all have failed, the name is looked up anew after a while.
    void handle_resolved(const net::HostName& name, const std::vector<net::Address>& addresses);
    void handle_unresolved(const net::HostName& name, const std::string& why, TimePoint next_try);
    // True when it is now planned. A host of hosts.txt that rests is dialled at once.
    bool handle_dial_back(const net::Address& address, const NodeId& node, TimePoint now);

    // Each pick is taken back once.
    void handle_pick(const net::Address& address, TimePoint now);
    void handle_unpick(const net::Address& address);

    void handle_dialling(const net::Address& address, TimePoint now);
    // True when rows() has changed by it.
    bool handle_failed(const net::Address& address, const std::string& why, TimePoint now);
    void handle_handed_over(const net::Address& address);  // TCP stands; the hello is under way
    void handle_up(const net::Address& address, const NodeId& node);
    void handle_self(const net::Address& address);
    void handle_duplicate(const net::Address& address, const NodeId& node);
    void handle_refused(const net::Address& address, const std::string& why, TimePoint now,
                        DownReason reason = DownReason::refused);
    // TCP stood, and no hello came: it is there, stopped, very slow, full or about to end.
    void handle_silent(const net::Address& address, const std::string& why, TimePoint now,
                       DownReason reason = DownReason::silent);
    void handle_down(const net::Address& address, const std::string& why, TimePoint now,
                     DownReason reason = DownReason::lost);

    // Names that have no address yet, the one that waited longest first.
    [[nodiscard]] std::optional<net::HostName> next_lookup(TimePoint now) const;
    // Addresses to dial now, the one that waited longest first.
    [[nodiscard]] std::vector<net::Address> due(TimePoint now) const;

    [[nodiscard]] bool from_hosts_file(const net::Address& address) const;
    // Its line of hosts.txt, else the address itself.
    [[nodiscard]] std::string known_as(const net::Address& address) const;
    [[nodiscard]] std::vector<PeerRow> rows() const;
    // Hosts of hosts.txt whose first attempt has no outcome yet.
    [[nodiscard]] std::size_t unsettled() const;
    // True when a line has been unheard for as long as that is said of it.
    bool handle_long_unheard(TimePoint now);
    // Lines of hosts.txt that nothing is known of: no host was ever connected there, for
    // unheard_max since the line came; or it is there, and has no word for this host: silent, full,
    // or it does not let this one in.
    [[nodiscard]] std::vector<std::string> unheard() const;
    // Hosts of hosts.txt that are there, or may be, and cannot be asked now.
    [[nodiscard]] std::vector<Unasked> unasked() const;
    // Lines of hosts.txt but those that lead to this host, or to one that is connected otherwise.
    [[nodiscard]] std::set<std::string> awaited() const;

  private:
    enum class State { idle, dialling, handed_over, up, self, duplicate };
    struct Entry {
        State state{State::idle};
        TimePoint next_try{};
        std::optional<NodeId> node;
        std::string why;      // of the last try; kept while the next one is under way
        DownReason reason{};  // likewise
        bool settled{false};
        bool silent{false};  // it took the last connection, and said nothing, or refused
        bool from_hosts_file{false};
        std::uint32_t picks{0};

        // Not only dialled back: it is tried again when it fails.
        [[nodiscard]] bool wanted() const { return from_hosts_file || picks > 0; }
    };
    struct Name {
        std::vector<net::Address> addresses;
        std::size_t at{0};    // the one in use
        bool numeric{false};  // never looked up
        bool failing{false};  // none of them could be dialled
        TimePoint next_lookup{};
        std::optional<TimePoint> asked_at;  // while it is being looked up
        std::string why;
        bool settled{false};
        TimePoint since{};   // it stands in hosts.txt
        bool unheard{true};  // no host was connected there yet, and unheard_max has not gone by

        [[nodiscard]] bool has(const net::Address& address) const {
            return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
        }
        [[nodiscard]] bool uses(const net::Address& address) const {
            return !addresses.empty() && addresses[at] == address;
        }
    };
    void handle_heard(const net::Address& address);
    void use(Name& name, const std::vector<net::Address>& addresses);
    void mark_hosts();
    bool turn_to_next(const net::Address& address, const std::string& why, TimePoint now);
    Entry* find(const net::Address& address);
    [[nodiscard]] const Entry* entry_of(const Name& name) const;
    [[nodiscard]] static std::optional<Unasked> unasked(const net::Address& address,
                                                        const Entry& entry);
    void rest(const net::Address& address, Entry& entry, DownReason reason, const std::string& why,
              TimePoint next);
    void wake_duplicates_of(const NodeId& node, TimePoint now);
    // Another way to a host that is connected.
    [[nodiscard]] bool leads_there(const net::Address& known, const Entry& entry,
                                   const net::Address& address, const NodeId& node) const;
    [[nodiscard]] bool may_dial_back(const net::Address& address) const;

    NodeId self_;
    bool ids_prove_;
    std::map<net::HostName, Name> names_;
    std::map<net::Address, Entry> entries_;
};

}  // namespace shoal::peer
