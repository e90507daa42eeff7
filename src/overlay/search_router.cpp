#include "shoal/overlay/search_router.hpp"

#include <algorithm>

namespace shoal::overlay {

namespace {

constexpr std::uint64_t search_bytes = limits::client_message_size;
constexpr std::uint64_t done_bytes = limits::server_message_size;

bool contains(const auto& list, const auto& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

// A little less than the asker waits, so that the answer is there in time.
Duration shorter(Duration wait) { return wait - wait / 16; }

}  // namespace

// Neighbours -----------------------------------------------------------------------------------

void SearchRouter::handle_asker_up(AskerId asker, const HostAddress& listens, const NodeId& node) {
    askers_[asker] = {listens, node, 0};
}

void SearchRouter::handle_asker_gone(AskerId asker) {
    if (askers_.erase(asker) == 0) {
        return;
    }
    for (auto& [id, entry] : entries_) {
        std::erase(entry.others, asker);
        if (entry.from == asker) {
            entry.from.reset();
            entry.answerable = false;
            find_way(id, entry);
        }
    }
}

void SearchRouter::handle_server_up(SourceId server, const HostAddress& address,
                                    const NodeId& node) {
    Neighbour& neighbour = servers_[server] = {address, node, 0};
    for (auto& [id, entry] : entries_) {
        if (entry.own && entry.open) {
            forward_to(entry, server, neighbour);
        }
    }
}

void SearchRouter::handle_server_gone(SourceId server) {
    if (servers_.erase(server) == 0) {
        return;
    }
    for (auto& [id, entry] : entries_) {
        std::erase(entry.asked, server);  // the number may be another host's one day
        if (std::erase(entry.pending, server) > 0 && entry.open) {
            ++entry.counts.lost;
            settle(id, entry);
        }
    }
}

// Searches -------------------------------------------------------------------------------------

// A host that stands twice has seen it twice: nobody honest sends that.
bool SearchRouter::loops(const std::vector<HostAddress>& way) {
    for (auto at = way.begin(); at != way.end(); ++at) {
        if (at->known() && std::find(at + 1, way.end(), *at) != way.end()) {
            return true;
        }
    }
    return false;
}

SearchRouter::Verdict SearchRouter::handle_search(AskerId from, std::uint64_t request, Route route,
                                                  TimePoint now) {
    const auto asker = askers_.find(from);
    if (asker == askers_.end()) {
        return Verdict::unknown;
    }
    std::vector<HostAddress> way = route.stack;
    way.push_back(asker->second.address);
    if (route.ttl == 0 || route.stack.size() > limits::search_stack_max || loops(way)) {
        ++totals_.malformed;
        return Verdict::malformed;
    }
    if (const auto known = entries_.find(route.id); known != entries_.end()) {
        Entry& entry = known->second;
        if (entry.others.size() < other_askers_max && entry.from != from && !entry.own &&
            !contains(entry.others, from)) {
            entry.others.push_back(from);
        }
        answer_duplicate(from, request);
        return Verdict::duplicate;
    }
    ++totals_.handled;
    const std::size_t hops = way.size();
    route.ttl = static_cast<std::uint8_t>(
        std::min<std::size_t>(route.ttl, limits::search_ttl_max - route.stack.size()));
    route.wait = std::clamp<Duration>(route.wait, Duration::zero(),
                                      std::chrono::milliseconds(limits::search_wait_ms_max));
    Entry fresh;
    fresh.from = from;
    fresh.request = request;
    fresh.way = std::move(way);
    fresh.route = std::move(route);
    fresh.counts.hosts = 1;
    Entry& entry = add(std::move(fresh), now);
    if (entry.route.ttl > 1 && hops <= limits::search_stack_max) {
        forward(entry);
    } else {
        const bool more = std::any_of(servers_.begin(), servers_.end(), [&](const auto& item) {
            return item.second.node != askers_.at(from).node &&
                   !contains(entry.way, item.second.address);
        });
        entry.counts.cut = more ? 1 : 0;
    }
    return Verdict::fresh;
}

void SearchRouter::begin_own(const Route& route, TimePoint now) {
    Entry fresh;
    fresh.own = true;
    fresh.local = false;
    fresh.route = route;
    Entry& entry = add(std::move(fresh), now);
    forward(entry);
    settle(route.id, entry);
}

void SearchRouter::end_own(const SearchId& id) {
    const auto found = entries_.find(id);
    if (found != entries_.end() && found->second.own) {
        found->second.own = false;
        found->second.open = false;
    }
}

SearchRouter::Entry& SearchRouter::add(Entry entry, TimePoint now) {
    make_room();
    const SearchId id = entry.route.id;
    entry.deadline = now + entry.route.wait;
    entry.expires = entry.deadline + keep;
    timers_.emplace(entry.deadline, id);
    by_age_.push_back(id);
    return entries_.emplace(id, std::move(entry)).first->second;
}

void SearchRouter::make_room() {
    while (entries_.size() >= entries_max && !by_age_.empty()) {
        const auto oldest = entries_.find(by_age_.front());
        by_age_.pop_front();
        if (oldest != entries_.end()) {
            close(oldest->first, oldest->second);
            entries_.erase(oldest);
        }
    }
}

void SearchRouter::forward(Entry& entry) {
    for (auto& [server, neighbour] : servers_) {
        const auto asker = entry.from ? askers_.find(*entry.from) : askers_.end();
        const bool back = asker != askers_.end() && asker->second.node == neighbour.node;
        if (!back && !contains(entry.way, neighbour.address)) {
            forward_to(entry, server, neighbour);
        }
    }
}

void SearchRouter::forward_to(Entry& entry, SourceId server, Neighbour& neighbour) {
    if (neighbour.open >= limits::searches_open_max) {
        ++entry.counts.refused;  // it has not answered the last ones
        return;
    }
    ++neighbour.open;
    ++totals_.forwarded;
    ++entry.counts.messages;
    entry.counts.bytes += search_bytes;
    entry.asked.push_back(server);
    entry.pending.push_back(server);
    Route onward = entry.route;
    onward.stack = entry.way;
    if (!entry.own) {
        --onward.ttl;
        onward.wait = shorter(entry.route.wait);
    }
    actions_.push_back(Forward{server, std::move(onward)});
}

void SearchRouter::answer_duplicate(AskerId from, std::uint64_t request) {
    ++totals_.duplicates;
    Counts counts;
    counts.duplicates = 1;
    counts.messages = 1;
    counts.bytes = done_bytes;
    actions_.push_back(Reply{from, request, counts});
}

void SearchRouter::handle_local_done(const SearchId& id, bool all) {
    const auto found = entries_.find(id);
    if (found != entries_.end()) {
        found->second.counts.unsure += found->second.local && !all ? 1U : 0U;
        found->second.local = false;
        settle(id, found->second);
    }
}

// Answers --------------------------------------------------------------------------------------

SearchRouter::Way SearchRouter::handle_hits(std::optional<SourceId> from, const SearchId& id,
                                            std::uint64_t fingerprint, std::size_t bytes) {
    const auto found = entries_.find(id);
    const bool wanted = found != entries_.end() && (!from || contains(found->second.asked, *from));
    if (!wanted || found->second.passed.size() >= hits_per_search_max ||
        contains(found->second.passed, fingerprint)) {
        ++totals_.hits_dropped;
        return {};
    }
    Entry& entry = found->second;
    const bool has_way = entry.own || entry.from || find_way(id, entry);
    entry.passed.push_back(fingerprint);
    ++totals_.hits_passed;
    if (entry.own) {
        return {Way::Kind::own, {}};
    }
    if (!has_way) {
        return {Way::Kind::hold, {}};
    }
    ++entry.counts.messages;
    entry.counts.bytes += bytes;
    return {Way::Kind::asker, *entry.from};
}

void SearchRouter::handle_done(SourceId from, const SearchId& id,
                               const std::optional<Counts>& counts) {
    if (const auto server = servers_.find(from); server != servers_.end()) {
        server->second.open -= std::min(server->second.open, 1U);
    }
    const auto found = entries_.find(id);
    if (found == entries_.end() || std::erase(found->second.pending, from) == 0) {
        return;
    }
    Entry& entry = found->second;
    if (counts) {
        entry.counts.add(*counts);
    } else {
        ++entry.counts.refused;
    }
    settle(id, entry);
}

void SearchRouter::settle(const SearchId& id, Entry& entry) {
    if (entry.open && !entry.local && entry.pending.empty()) {
        close(id, entry);
    }
}

void SearchRouter::close(const SearchId& id, Entry& entry) {
    if (!entry.open) {
        return;
    }
    entry.open = false;
    entry.counts.late += static_cast<std::uint32_t>(entry.pending.size()) + (entry.local ? 1U : 0U);
    if (entry.own) {
        actions_.push_back(OwnDone{id, entry.counts});
    } else if (entry.from && entry.answerable) {
        ++entry.counts.messages;
        entry.counts.bytes += done_bytes;
        actions_.push_back(Reply{*entry.from, entry.request, entry.counts});
    }
}

// Another way home. True when there is one.
bool SearchRouter::find_way(const SearchId& id, Entry& entry) {
    for (auto hop = entry.way.rbegin(); hop != entry.way.rend() && !entry.from; ++hop) {
        const auto there = std::find_if(askers_.begin(), askers_.end(), [&](const auto& item) {
            return hop->known() && item.second.address == *hop;
        });
        if (there != askers_.end()) {
            entry.from = there->first;
        }
    }
    if (!entry.from && !entry.others.empty()) {
        entry.from = entry.others.back();
        entry.others.pop_back();
    }
    if (!entry.from) {
        return false;
    }
    entry.answerable = false;
    if (!entry.passed.empty()) {
        ++totals_.repaired;
        actions_.push_back(Resend{*entry.from, id});
    }
    return true;
}

// Time -----------------------------------------------------------------------------------------

void SearchRouter::handle_timeout(TimePoint now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        const SearchId id = timers_.begin()->second;
        timers_.erase(timers_.begin());
        const auto found = entries_.find(id);
        if (found == entries_.end()) {
            continue;
        }
        Entry& entry = found->second;
        if (now >= entry.expires) {
            entries_.erase(found);
        } else if (now >= entry.deadline) {
            timers_.emplace(entry.expires, id);
            close(id, entry);
        }
    }
    while (!by_age_.empty() && !entries_.contains(by_age_.front())) {
        by_age_.pop_front();
    }
}

std::optional<TimePoint> SearchRouter::next_timeout() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first);
}

std::optional<SearchRouter::Action> SearchRouter::poll() {
    if (actions_.empty()) {
        return std::nullopt;
    }
    Action action = std::move(actions_.front());
    actions_.pop_front();
    return action;
}

std::size_t SearchRouter::memory() const {
    std::size_t bytes = timers_.size() * (sizeof(TimePoint) + sizeof(SearchId) + 48) +
                        by_age_.size() * sizeof(SearchId) + actions_.size() * sizeof(Action);
    for (const auto& [id, entry] : entries_) {
        bytes += sizeof(id) + sizeof(entry) + 16 +
                 (entry.route.stack.capacity() + entry.way.capacity()) * sizeof(HostAddress) +
                 (entry.asked.capacity() + entry.pending.capacity()) * sizeof(SourceId) +
                 entry.others.capacity() * sizeof(AskerId) + entry.passed.capacity() * 8;
    }
    return bytes;
}

}  // namespace shoal::overlay
