// A fetch of what a search has found: the content is known, and who has it. Those hosts, which the
// user has picked by it, are dialled; whoever else is connected may serve as well.
#include <algorithm>

#include "peer/fetch.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

std::optional<integrity::Digest> digest_of(const std::string& hex) {
    const auto bytes = text::unhex(hex);
    integrity::Digest digest;
    if (!bytes || bytes->size() != digest.bytes.size()) {
        return std::nullopt;
    }
    std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
    return digest;
}

std::optional<net::Address> address_of(const std::string& word) {
    const auto name = net::parse_host_name(word, 0);
    const auto address = name ? net::Address::parse_numeric(name->host, name->port) : std::nullopt;
    return address && address->is_dialable() ? address : std::nullopt;
}

}  // namespace

void Fetch::pick_hosts(TimePoint now) {
    const FetchOrder& order = command_.order;
    const auto root = digest_of(order.root);
    for (const std::string& host : order.hosts) {
        if (const auto address = address_of(host)) {
            picked_.push_back(*address);
        }
    }
    const integrity::FileId id{order.size, root.value_or(integrity::Digest{})};
    if (!root || !id.possible() || picked_.empty() || folder_) {
        picked_.clear();
        return give_up(Outcome::usage, "a result of a search has one file, its root and its hosts",
                       now);
    }
    files_.push_back({*store::SafePath::parse(name_), id, {}});
    tell_vote(order.versions);
    engine_.wiring.connector.post(Pick{picked_});
}

void Fetch::unpick_hosts() {
    if (!picked_.empty()) {
        engine_.wiring.connector.post(Unpick{std::exchange(picked_, {})});
    }
}

// One of them is enough to begin: the others join when they are connected.
void Fetch::look_picked(TimePoint now) {
    const auto is_picked = [this](const net::Address& address) {
        return std::find(picked_.begin(), picked_.end(), address) != picked_.end();
    };
    File& file = files_.front();
    for (const ServerLink* link : engine_.servers.usable()) {
        if (is_picked(link->address)) {
            file.holders.push_back(link->id);
        }
    }
    std::size_t failed = 0;
    bool under_other_address = false;
    for (const net::Address& address : picked_) {
        const std::string name = address.to_string();
        for (const PeerRow& row : engine_.table) {
            if (row.address == name) {
                failed += row.state == "down" || row.state == "this host" ? 1U : 0U;
                under_other_address |= row.state == "same host";
            }
        }
    }
    if (file.holders.empty() && under_other_address) {
        for (const ServerLink* link : engine_.servers.usable()) {
            file.holders.push_back(link->id);
        }
    }
    if (!file.holders.empty() || standing_here(file)) {
        asked_at_ = now;
        return begin(now);
    }
    if (failed == picked_.size() || now - began_at_ >= command_.order.timeout) {
        give_up(engine_.why_nobody(&picked_), now);
    }
}

}  // namespace shoal::peer
