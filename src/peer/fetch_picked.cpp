// A fetch of what a search has found: the content is known, and who has it. Those hosts, which the
// user has picked by it, are dialled; whoever else is connected may serve as well. Of a result that
// is pending only the name is known: those hosts are asked what it means, and no others.
#include <algorithm>

#include "peer/fetch.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/unhashed.hpp"

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
    const bool known = root && id.possible() && !integrity::is_unhashed(id);
    if ((!known && !order.root.empty()) || picked_.empty() || folder_ ||
        !store::SafePath::parse(asked_name())) {
        picked_.clear();
        return give_up(Outcome::usage, "a result of a search has one file, its root and its hosts",
                       now);
    }
    if (known) {
        files_.push_back({*store::SafePath::parse(name_), id, {}});
        tell_vote(order.versions);
    }
    engine_.wiring.connector.post(Pick{picked_});
}

void Fetch::unpick_hosts() {
    if (!picked_.empty()) {
        engine_.wiring.connector.post(Unpick{std::exchange(picked_, {})});
    }
}

const std::string& Fetch::asked_name() const {
    const std::string& there = command_.order.path_there;
    return there.empty() ? name_ : there;
}

std::vector<SourceId> Fetch::picked_links() {
    std::vector<SourceId> links;
    for (const ServerLink* link : engine_.servers.usable()) {
        if (is_picked(*link)) {
            links.push_back(link->id);
        }
    }
    return links;
}

// Connected under an address that nobody tells: whoever is connected may be it.
bool Fetch::is_picked(const ServerLink& link) const {
    return picked_elsewhere_ ||
           std::find(picked_.begin(), picked_.end(), link.address) != picked_.end();
}

// One of them is enough to begin: the others join when they are connected.
void Fetch::look_picked(TimePoint now) {
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
    std::vector<SourceId> links = picked_links();
    if (links.empty() && under_other_address) {
        picked_elsewhere_ = true;
        links = picked_links();
    }
    if (files_.empty() && !links.empty()) {
        return begin_asking(now);
    }
    if (!files_.empty() && (!links.empty() || standing_here(files_.front()))) {
        files_.front().holders = std::move(links);
        asked_at_ = now;
        return begin(now);
    }
    if (failed == picked_.size() || now - began_at_ >= command_.order.timeout) {
        give_up(engine_.why_nobody(&picked_), now);
    }
}

}  // namespace shoal::peer
