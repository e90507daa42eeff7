// Engine: what the orders under way share: the links, the transfers, the small files, and what
// the connector last said. Requester's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "peer/doubts.hpp"
#include "peer/mail.hpp"
#include "peer/servers.hpp"
#include "peer/small_files.hpp"
#include "peer/transfer.hpp"

namespace shoal::peer {

struct Nobody {
    Outcome outcome{};  // no_host, not_let_in
    std::string text;
    std::vector<Unreached> hosts;
};

struct Engine {
    explicit Engine(Wiring& its_wiring) : wiring(its_wiring), small(its_wiring, servers) {}

    Wiring& wiring;
    Servers servers;
    SmallFiles small;
    std::map<std::uint64_t, std::unique_ptr<Transfer>> transfers;  // by key
    std::uint64_t next_key{1};

    bool table_seen{false};    // the connector has spoken
    std::size_t unsettled{0};  // hosts that may yet connect
    std::vector<PeerRow> table;
    std::vector<std::string> unheard;  // lines of hosts.txt: see DialPlan
    std::set<std::string> awaited;
    std::vector<Unasked> unasked;  // hosts of hosts.txt: see DialPlan
    std::map<integrity::FileId, TimePoint> distrusted_until;
    std::map<net::Address, DownReason> refused_by;  // hosts of hosts.txt, and what was told of it

    // Of what was sent of it nothing verifies: another version of its names is preferred for a
    // while.
    void distrust(const integrity::FileId& file, TimePoint now);
    [[nodiscard]] bool distrusts(const integrity::FileId& file, TimePoint now) const;
    // What is not known of this host's own folders and of hosts.txt, for what stands in `prefix`.
    [[nodiscard]] Doubts doubts(bool looked_on_disk, std::string_view prefix) const;
    // Why nobody (of these hosts) can be asked, as an order says it when it ends.
    [[nodiscard]] Nobody why_nobody(const std::vector<net::Address>* only = nullptr) const;
    // All but those that were `asked` after all: "127.0.0.3:8080: it is full"; "" for none.
    [[nodiscard]] std::string unasked_text(
        const std::function<bool(const std::string& host)>& asked = {}) const;
    // No host will turn up by itself within moments.
    [[nodiscard]] bool settled() const { return table_seen && unsettled == 0; }
    // One of them may yet be asked by itself: an answer without it is none.
    [[nodiscard]] bool awaits_hosts() const;
};

}  // namespace shoal::peer
