#include "peer/dial_plan.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"
#include "shoal/net/places.hpp"

namespace shoal::peer {

namespace {
constexpr Duration lookup_again_failing = 30s;  // for a name whose addresses all failed
}

DialPlan::Entry* DialPlan::find(const net::Address& address) {
    const auto found = entries_.find(address);
    return found == entries_.end() ? nullptr : &found->second;
}

void DialPlan::handle_hosts(const std::vector<net::HostName>& hosts, TimePoint now) {
    std::map<net::HostName, Name> kept;
    for (const net::HostName& host : hosts) {
        const auto known = names_.find(host);
        Name& name = kept[host];
        if (known != names_.end()) {
            name = known->second;
            continue;
        }
        name.next_lookup = now;
        name.since = now;
        if (const auto numeric = net::Address::parse_numeric(host.host, host.port)) {
            name.numeric = true;
            use(name, {*numeric});
        }
    }
    names_ = std::move(kept);
    mark_hosts();
}

void DialPlan::use(Name& name, const std::vector<net::Address>& addresses) {
    name.addresses = addresses;
    name.at = 0;
    name.failing = false;
    name.settled = true;
    name.asked_at.reset();
}

// Each name has one address in use; an entry that nobody names and that has no connection goes.
void DialPlan::mark_hosts() {
    for (auto& [address, entry] : entries_) {
        entry.from_hosts_file = false;
    }
    for (const auto& [host, name] : names_) {
        if (!name.addresses.empty()) {
            entries_[name.addresses[name.at]].from_hosts_file = true;
        }
    }
    std::erase_if(entries_, [](const auto& item) {
        const Entry& entry = item.second;
        return !entry.wanted() && entry.state != State::up && entry.state != State::handed_over &&
               entry.state != State::dialling;
    });
}

void DialPlan::handle_lookup(const net::HostName& name, TimePoint now) {
    if (const auto found = names_.find(name); found != names_.end()) {
        found->second.asked_at = now;
    }
}

bool DialPlan::handle_slow_lookups(TimePoint now) {
    bool changed = false;
    for (auto& [host, name] : names_) {
        if (name.asked_at && now - *name.asked_at >= attempt_max && !name.settled) {
            name.settled = true;
            name.why = "no name server has answered yet";
            changed = true;
        }
    }
    return changed;
}

bool DialPlan::handle_long_unheard(TimePoint now) {
    bool changed = false;
    for (auto& [host, name] : names_) {
        if (name.unheard && now - name.since >= unheard_max) {
            name.unheard = false;
            changed = true;
        }
    }
    return changed;
}

void DialPlan::handle_heard(const net::Address& address) {
    for (auto& [host, name] : names_) {
        name.unheard = name.unheard && !name.has(address);
    }
}

void DialPlan::handle_resolved(const net::HostName& name,
                               const std::vector<net::Address>& addresses) {
    const auto found = names_.find(name);
    if (found != names_.end() && !addresses.empty()) {
        use(found->second, addresses);
        mark_hosts();
    }
}

// The addresses that it had stay in use.
void DialPlan::handle_unresolved(const net::HostName& name, const std::string& why,
                                 TimePoint next_try) {
    const auto found = names_.find(name);
    if (found != names_.end()) {
        found->second.why = why;
        found->second.settled = true;
        found->second.next_lookup = next_try;
        found->second.asked_at.reset();
    }
}

// True when a name goes on to another address than the one that failed.
bool DialPlan::turn_to_next(const net::Address& address, const std::string& why, TimePoint now) {
    std::vector<std::pair<net::Address, bool>> turned;  // to which; false: all have failed
    for (auto& [host, name] : names_) {
        if (!name.uses(address) || name.numeric) {
            continue;
        }
        name.at = (name.at + 1) % name.addresses.size();
        if (name.at == 0 && !std::exchange(name.failing, true)) {
            name.next_lookup = now + lookup_again_failing;
        }
        if (!name.uses(address)) {
            turned.emplace_back(name.addresses[name.at], !name.failing);
        }
    }
    if (turned.empty()) {
        return false;
    }
    mark_hosts();
    for (const auto& [next, first_time] : turned) {
        Entry& entry = entries_[next];
        if (entry.state == State::idle) {
            entry.next_try = std::max(entry.next_try, first_time ? now : now + retry_every);
            entry.settled |= !first_time;
            entry.why = why;
            entry.reason = DownReason::unreachable;
        }
    }
    return true;
}

bool DialPlan::handle_dial_back(const net::Address& address, const NodeId& node, TimePoint now) {
    if (node == self_ || address.port() == 0) {
        return false;
    }
    if (Entry* known = find(address)) {
        if (known->state == State::idle) {
            known->next_try = std::min(known->next_try, now);  // it is there
        }
        return false;
    }
    const bool connected = std::any_of(entries_.begin(), entries_.end(), [&](const auto& item) {
        return leads_there(item.first, item.second, address, node);
    });
    if (connected || !may_dial_back(address)) {
        return false;
    }
    Entry entry;
    entry.next_try = now;
    entry.settled = true;
    entries_.emplace(address, entry);
    return true;
}

bool DialPlan::leads_there(const net::Address& known, const Entry& entry,
                           const net::Address& address, const NodeId& node) const {
    const bool connected = entry.state == State::up || entry.state == State::duplicate;
    return connected && entry.node == node &&
           (ids_prove_ || known.with_port(0) == address.with_port(0));
}

bool DialPlan::may_dial_back(const net::Address& address) const {
    const std::string block = net::block_of(address);
    std::size_t all = 0;
    std::size_t there = 0;
    for (const auto& [known, entry] : entries_) {
        if (!entry.wanted()) {
            ++all;
            there += net::block_of(known) == block ? 1U : 0U;
        }
    }
    return all < dial_backs_max && there < dial_backs_per_address_max;
}

void DialPlan::handle_pick(const net::Address& address, TimePoint now) {
    const auto [item, fresh] = entries_.try_emplace(address);
    ++item->second.picks;
    if (fresh) {
        item->second.next_try = now;
    } else if (item->second.state == State::idle) {
        item->second.next_try = std::min(item->second.next_try, now);
    }
}

// A connection that stands is kept, as it would be if that host had dialled first.
void DialPlan::handle_unpick(const net::Address& address) {
    Entry* entry = find(address);
    if (entry == nullptr || entry->picks == 0) {
        return;
    }
    --entry->picks;
    if (!entry->wanted() && (entry->state == State::idle || entry->state == State::self ||
                             entry->state == State::duplicate)) {
        entries_.erase(address);
    }
}

void DialPlan::handle_dialling(const net::Address& address, TimePoint now) {
    if (Entry* entry = find(address)) {
        entry->state = State::dialling;
        entry->next_try = now + retry_every;
    }
}

// Back to idle; a host that is not in hosts.txt is forgotten instead.
void DialPlan::rest(const net::Address& address, Entry& entry, DownReason reason,
                    const std::string& why, TimePoint next) {
    if (!entry.wanted()) {
        entries_.erase(address);
        return;
    }
    entry.state = State::idle;
    entry.settled = true;
    entry.silent = false;
    entry.node.reset();
    entry.why = why;
    entry.reason = reason;
    entry.next_try = std::max(entry.next_try, next);
}

bool DialPlan::handle_failed(const net::Address& address, const std::string& why, TimePoint now) {
    Entry* entry = find(address);
    if (entry == nullptr) {
        return false;
    }
    const bool news = !entry->settled || entry->why != why || !entry->from_hosts_file;
    rest(address, *entry, DownReason::unreachable, why, now);
    return turn_to_next(address, why, now) || news;
}

void DialPlan::handle_handed_over(const net::Address& address) {
    if (Entry* entry = find(address)) {
        entry->state = State::handed_over;
    }
}

void DialPlan::handle_up(const net::Address& address, const NodeId& node) {
    if (Entry* entry = find(address)) {
        entry->state = State::up;
        entry->settled = true;
        entry->silent = false;
        entry->node = node;
        entry->why.clear();
        entry->reason = DownReason::none;
    }
    for (auto& [host, name] : names_) {
        name.failing = name.failing && !name.uses(address);
    }
    handle_heard(address);
}

void DialPlan::handle_self(const net::Address& address) {
    if (Entry* entry = find(address)) {
        entry->state = State::self;
        entry->settled = true;
        entry->silent = false;
        entry->node = self_;
        handle_heard(address);
    }
}

void DialPlan::handle_duplicate(const net::Address& address, const NodeId& node) {
    Entry* entry = find(address);
    if (entry == nullptr) {
        return;
    }
    if (!entry->wanted()) {
        entries_.erase(address);
        return;
    }
    entry->state = State::duplicate;
    entry->settled = true;
    entry->silent = false;
    entry->node = node;
    handle_heard(address);
}

void DialPlan::handle_refused(const net::Address& address, const std::string& why, TimePoint now,
                              DownReason reason) {
    if (Entry* entry = find(address)) {
        rest(address, *entry, reason, why, now + 5 * retry_every);
    }
    if (Entry* entry = find(address)) {  // it may be forgotten
        entry->silent = reason != DownReason::not_shoal && reason != DownReason::broken_protocol;
    }
}

void DialPlan::handle_silent(const net::Address& address, const std::string& why, TimePoint now,
                             DownReason reason) {
    if (Entry* entry = find(address); entry != nullptr && entry->wanted()) {
        rest(address, *entry, reason, why, now);
        entry->silent = true;
    } else {
        handle_refused(address, why, now, reason);
    }
}

void DialPlan::handle_down(const net::Address& address, const std::string& why, TimePoint now,
                           DownReason reason) {
    Entry* entry = find(address);
    if (entry == nullptr) {
        return;
    }
    const std::optional<NodeId> node = entry->node;
    rest(address, *entry, reason, why, now);
    if (node) {
        wake_duplicates_of(*node, now);
    }
}

void DialPlan::wake_duplicates_of(const NodeId& node, TimePoint now) {
    for (auto& [address, entry] : entries_) {
        if (entry.state == State::duplicate && entry.node == node) {
            entry.state = State::idle;
            entry.node.reset();
            entry.next_try = now;
        }
    }
}

std::optional<net::HostName> DialPlan::next_lookup(TimePoint now) const {
    std::optional<net::HostName> next;
    TimePoint oldest = now;
    for (const auto& [host, name] : names_) {
        const bool wanted = name.addresses.empty() || (name.failing && !name.numeric);
        if (wanted && !name.asked_at && name.next_lookup <= oldest) {
            oldest = name.next_lookup;
            next = host;
        }
    }
    return next;
}

std::vector<net::Address> DialPlan::due(TimePoint now) const {
    std::vector<std::pair<TimePoint, net::Address>> waiting;
    for (const auto& [address, entry] : entries_) {
        if (entry.state == State::idle && entry.next_try <= now) {
            waiting.emplace_back(entry.next_try, address);
        }
    }
    std::sort(waiting.begin(), waiting.end());
    std::vector<net::Address> list;
    std::transform(waiting.begin(), waiting.end(), std::back_inserter(list),
                   [](const auto& item) { return item.second; });
    return list;
}

bool DialPlan::from_hosts_file(const net::Address& address) const {
    const auto found = entries_.find(address);
    return found != entries_.end() && found->second.from_hosts_file;
}

std::string DialPlan::known_as(const net::Address& address) const {
    for (const auto& [host, name] : names_) {
        if (name.has(address)) {
            return host.to_string();
        }
    }
    return address.to_string();
}

const DialPlan::Entry* DialPlan::entry_of(const Name& name) const {
    const auto found =
        name.addresses.empty() ? entries_.end() : entries_.find(name.addresses[name.at]);
    return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> DialPlan::unheard() const {
    std::vector<std::string> lines;
    for (const auto& [host, name] : names_) {
        const Entry* entry = entry_of(name);
        if (name.unheard || (entry != nullptr && entry->silent)) {
            lines.push_back(host.to_string());
        }
    }
    return lines;
}

std::optional<Unasked> DialPlan::unasked(const net::Address& address, const Entry& entry) {
    const bool open = entry.state == State::idle || entry.state == State::dialling ||
                      entry.state == State::handed_over;
    const std::string host = address.to_string();
    if (!open) {
        return std::nullopt;
    }
    switch (entry.reason) {
        case DownReason::full:
        case DownReason::closing:
        case DownReason::not_let_in:
        case DownReason::other_version:
        case DownReason::refused:
        case DownReason::enough_others:
            return Unasked{host, entry.why, false};
        case DownReason::not_shoal:
        case DownReason::broken_protocol:
            return std::nullopt;
        case DownReason::lost:
            return Unasked{host, entry.why, entry.state == State::handed_over};
        default:
            break;
    }
    if (entry.state == State::handed_over || entry.reason == DownReason::silent) {
        return Unasked{host, "it took the connection, but no hello came yet", true};
    }
    if (!entry.settled) {
        return Unasked{host, "it is still being dialled", true};
    }
    return std::nullopt;
}

std::vector<Unasked> DialPlan::unasked() const {
    std::vector<Unasked> hosts;
    for (const auto& [address, entry] : entries_) {
        if (!entry.from_hosts_file) {
            continue;
        }
        if (auto one = unasked(address, entry)) {
            hosts.push_back(std::move(*one));
        }
    }
    for (const auto& [host, name] : names_) {
        if (name.addresses.empty() && !name.settled) {
            hosts.push_back({host.to_string(), "its name is still being looked up", true});
        }
    }
    return hosts;
}

std::set<std::string> DialPlan::awaited() const {
    std::set<std::string> lines;
    for (const auto& [host, name] : names_) {
        const Entry* entry = entry_of(name);
        if (entry == nullptr || (entry->state != State::self && entry->state != State::duplicate)) {
            lines.insert(host.to_string());
        }
    }
    return lines;
}

std::vector<PeerRow> DialPlan::rows() const {
    std::vector<PeerRow> rows;
    for (const auto& [address, entry] : entries_) {
        PeerRow row;
        row.address = address.to_string();
        row.from_hosts_file = entry.from_hosts_file;
        if (entry.node) {
            row.node = text::hex(entry.node->bytes);
        }
        switch (entry.state) {
            case State::idle:
                row.state = entry.settled ? "down" : "connecting";
                break;
            case State::dialling:
            case State::handed_over:
                row.state = entry.why.empty() ? "connecting" : "down";
                break;
            case State::up:
                row.state = "connected";
                break;
            case State::self:
                row.state = "this host";
                break;
            case State::duplicate:
                row.state = "same host";
                break;
        }
        row.why = row.state == "down" ? entry.why : "";
        row.reason = row.state == "down" ? entry.reason : DownReason::none;
        rows.push_back(std::move(row));
    }
    for (const auto& [host, name] : names_) {
        if (name.addresses.empty()) {
            PeerRow row;
            row.address = host.to_string();
            row.state = name.settled ? "down" : "connecting";
            row.why = name.why;
            row.reason = name.settled ? DownReason::no_address : DownReason::none;
            row.from_hosts_file = true;
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

std::size_t DialPlan::unsettled() const {
    const auto open_names = std::count_if(names_.begin(), names_.end(), [](const auto& item) {
        return !item.second.settled && item.second.addresses.empty();
    });
    const auto open_entries = std::count_if(entries_.begin(), entries_.end(), [](const auto& item) {
        return item.second.from_hosts_file && !item.second.settled;
    });
    return static_cast<std::size_t>(open_names + open_entries);
}

}  // namespace shoal::peer
