#include "search_sim.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace shoal::sim {

using overlay::AskerId;
using overlay::SearchId;
using overlay::SearchRouter;

namespace {

constexpr std::size_t hits_bytes = 256;
constexpr Duration noticed_after{std::chrono::milliseconds(20)};  // a broken connection

HostAddress address_of(std::size_t host) {
    HostAddress address;
    for (std::size_t i = 0; i < 4; ++i) {
        address.ip[12 + i] = static_cast<std::uint8_t>(host >> (8 * i));
    }
    address.port = 8080;
    return address;
}

NodeId node_of(std::size_t host) {
    NodeId node;
    std::memcpy(node.bytes.data(), &host, sizeof host);
    node.bytes[15] = 1;
    return node;
}

AskerId asker_of(std::size_t host) { return {host + 1}; }
SourceId server_of(std::size_t host) { return {static_cast<std::uint32_t>(host + 1)}; }

}  // namespace

SearchNet::SearchNet(const NetSpec& spec) : spec_(spec), random_(spec.seed), hosts_(spec.hosts) {
    // Stubs paired at random; loops and double edges are drawn again by swapping (Steger, Wormald).
    std::vector<std::size_t> stubs(spec.hosts * spec.degree);
    for (std::size_t i = 0; i < stubs.size(); ++i) {
        stubs[i] = i % spec.hosts;
    }
    for (std::size_t i = stubs.size() - 1; i > 0; --i) {
        std::swap(stubs[i], stubs[random_.below(i + 1)]);
    }
    for (std::size_t i = 0; i + 1 < stubs.size(); i += 2) {
        auto& mine = hosts_[stubs[i]].neighbours;
        for (int tries = 0; tries < 100; ++tries) {
            const bool bad = stubs[i] == stubs[i + 1] ||
                             std::find(mine.begin(), mine.end(), stubs[i + 1]) != mine.end();
            if (!bad || i + 2 >= stubs.size()) {
                break;
            }
            std::swap(stubs[i + 1], stubs[i + 2 + random_.below(stubs.size() - i - 2)]);
        }
        if (stubs[i] != stubs[i + 1]) {
            mine.push_back(stubs[i + 1]);
            hosts_[stubs[i + 1]].neighbours.push_back(stubs[i]);
        }
    }
    connect_all();
}

void SearchNet::connect_all() {
    for (std::size_t a = 0; a < hosts_.size(); ++a) {
        for (const std::size_t b : hosts_[a].neighbours) {
            connect(a, b);
        }
    }
}

void SearchNet::connect(std::size_t a, std::size_t b) {
    hosts_[a].router.handle_server_up(server_of(b), address_of(b), node_of(b));
    hosts_[b].router.handle_asker_up(asker_of(a), address_of(a), node_of(a));
}

void SearchNet::set_holders(const std::set<std::size_t>& holders) {
    for (std::size_t host = 0; host < hosts_.size(); ++host) {
        hosts_[host].holds = holders.contains(host);
    }
}

void SearchNet::revive() {
    for (Host& host : hosts_) {
        host.router = SearchRouter();
        host.alive = true;
        host.passed.clear();
    }
    connect_all();
}

void SearchNet::send(Event event) {
    const auto span = static_cast<std::uint64_t>((spec_.latency_max - spec_.latency_min).count());
    const Duration latency =
        spec_.latency_min + Duration(static_cast<Duration::rep>(random_.below(span + 1)));
    Host& sender = hosts_[event.from];
    const auto& all = sender.neighbours;
    const auto which =
        static_cast<std::size_t>(std::find(all.begin(), all.end(), event.to) - all.begin());
    sender.busy_until.resize(all.size());
    TimePoint& before = sender.busy_until[which];
    before = std::max(before, now_ + latency);
    post(std::move(event), before - now_);
}

void SearchNet::post(Event event, Duration delay) {
    event.at = now_ + delay;
    event.order = next_order_++;
    events_.push(std::move(event));
}

SearchOutcome SearchNet::search(std::size_t origin, const overlay::RingPlan::Options& options,
                                const std::vector<Death>& deaths) {
    now_ += SearchRouter::keep + std::chrono::seconds(61);  // the last one is forgotten by all
    for (Host& host : hosts_) {
        host.router.handle_timeout(now_);
        host.passed.clear();
    }
    overlay::RingPlan plan(options, now_);
    plan_ = &plan;
    origin_ = origin;
    began_ = now_;
    outcome_ = {};
    for (const Death& death : deaths) {
        post({.at = {}, .kind = Kind::death, .to = death.host}, death.at);
    }
    while (true) {
        const auto step = plan.poll(now_);
        if (std::holds_alternative<overlay::RingPlan::Over>(step)) {
            break;
        }
        if (const auto* ask = std::get_if<overlay::RingPlan::Ask>(&step)) {
            overlay::Route route;
            std::memcpy(route.id.bytes.data(), &next_id_, sizeof next_id_);
            ++next_id_;
            route.ttl = ask->ttl;
            route.wait = ask->wait;
            ring_ = route.id;
            hosts_[origin].router.begin_own(route, now_);
            pump(origin);
            continue;
        }
        TimePoint next = std::get<overlay::RingPlan::Wait>(step).until;
        next = events_.empty() ? next : std::min(next, events_.top().at);
        now_ = next;
        while (!events_.empty() && events_.top().at <= now_) {
            const Event event = events_.top();
            events_.pop();
            handle(event);
        }
        hosts_[origin].router.handle_timeout(now_);
        pump(origin);
    }
    outcome_.elapsed = now_ - began_;
    outcome_.price = plan.price();
    outcome_.rings = plan.asked();
    while (!events_.empty()) {  // deaths that are due later happen all the same
        if (events_.top().kind == Kind::death) {
            hosts_[events_.top().to].alive = false;
        }
        events_.pop();
    }
    plan_ = nullptr;
    return outcome_;
}

void SearchNet::handle(const Event& event) {
    Host& host = hosts_[event.to];
    if (event.kind == Kind::death) {
        return die(event.to);
    }
    if (event.kind == Kind::gone) {
        return tell_gone(event.to);
    }
    if (!host.alive) {
        return;
    }
    host.router.handle_timeout(now_);
    switch (event.kind) {
        case Kind::search:
            handle_search(event);
            break;
        case Kind::hits:
            take_hits(event.to, event.from, event.route.id, event.holder);
            break;
        default:
            host.router.handle_done(server_of(event.from), event.route.id, event.counts);
            break;
    }
    pump(event.to);
}

void SearchNet::handle_search(const Event& event) {
    Host& host = hosts_[event.to];
    // The request's number is the id's: one search at a time is on its way.
    std::uint64_t request = 0;
    std::memcpy(&request, event.route.id.bytes.data(), sizeof request);
    const auto verdict =
        host.router.handle_search(asker_of(event.from), request, event.route, now_);
    pump(event.to);
    if (verdict == SearchRouter::Verdict::fresh) {
        ++outcome_.handled;
        if (host.holds) {
            take_hits(event.to, std::nullopt, event.route.id, event.to);
        }
        host.router.handle_local_done(event.route.id);
    }
}

void SearchNet::take_hits(std::size_t at, std::optional<std::size_t> from, const SearchId& id,
                          std::size_t holder) {
    Host& host = hosts_[at];
    const auto source = from ? std::optional(server_of(*from)) : std::nullopt;
    const auto way = host.router.handle_hits(source, id, holder, hits_bytes);
    if (way.kind == SearchRouter::Way::Kind::own) {
        if (outcome_.holders.empty()) {
            outcome_.first_hit = now_ - began_;
        }
        outcome_.holders.insert(holder);
        const std::set<std::size_t> distinct(outcome_.holders.begin(), outcome_.holders.end());
        plan_->handle_found(distinct.size());
    } else if (way.kind == SearchRouter::Way::Kind::asker) {
        host.passed[id].push_back(holder);
        send_hits(at, way.to.value - 1, id, holder);
    } else if (way.kind == SearchRouter::Way::Kind::hold) {
        host.passed[id].push_back(holder);
    }
}

void SearchNet::send_hits(std::size_t from, std::size_t to, const SearchId& id,
                          std::size_t holder) {
    ++outcome_.hits;
    Event event{.at = {}, .kind = Kind::hits, .from = from, .to = to};
    event.route.id = id;
    event.holder = holder;
    send(std::move(event));
}

void SearchNet::pump(std::size_t at) {
    SearchRouter& router = hosts_[at].router;
    while (auto action = router.poll()) {
        if (auto* forward = std::get_if<SearchRouter::Forward>(&*action)) {
            ++outcome_.searches;
            Event event{.at = {}, .kind = Kind::search, .from = at, .to = forward->to.value - 1};
            event.route = std::move(forward->route);
            send(std::move(event));
        } else if (const auto* reply = std::get_if<SearchRouter::Reply>(&*action)) {
            ++outcome_.answers;
            Event event{.at = {}, .kind = Kind::done, .from = at, .to = reply->to.value - 1};
            std::memcpy(event.route.id.bytes.data(), &reply->request, sizeof reply->request);
            event.counts = reply->counts;
            send(std::move(event));
        } else if (const auto* again = std::get_if<SearchRouter::Resend>(&*action)) {
            for (const std::size_t holder : hosts_[at].passed[again->id]) {
                send_hits(at, again->to.value - 1, again->id, holder);
            }
        } else if (plan_ != nullptr) {
            const auto& done = std::get<SearchRouter::OwnDone>(*action);
            plan_->handle_done(done.counts, done.id == ring_);
        }
    }
}

void SearchNet::die(std::size_t host) {
    hosts_[host].alive = false;
    post({.at = {}, .kind = Kind::gone, .to = host}, noticed_after);
}

void SearchNet::tell_gone(std::size_t host) {
    for (const std::size_t neighbour : hosts_[host].neighbours) {
        if (hosts_[neighbour].alive) {
            hosts_[neighbour].router.handle_timeout(now_);
            hosts_[neighbour].router.handle_asker_gone(asker_of(host));
            hosts_[neighbour].router.handle_server_gone(server_of(host));
            pump(neighbour);
        }
    }
}

std::set<std::size_t> SearchNet::within(std::size_t origin, unsigned hops) const {
    std::set<std::size_t> seen{origin};
    std::vector<std::size_t> edge{origin};
    for (unsigned hop = 0; hop < hops; ++hop) {
        std::vector<std::size_t> next;
        for (const std::size_t host : edge) {
            for (const std::size_t neighbour : hosts_[host].neighbours) {
                if (hosts_[neighbour].alive && seen.insert(neighbour).second) {
                    next.push_back(neighbour);
                }
            }
        }
        edge = std::move(next);
    }
    seen.erase(origin);
    return seen;
}

std::uint64_t SearchNet::plain_flood(std::size_t origin, unsigned ttl) const {
    std::uint64_t messages = hosts_[origin].neighbours.size();
    for (const std::size_t host : within(origin, ttl - 1)) {
        messages += hosts_[host].neighbours.size() - 1;
    }
    return messages;
}

std::size_t SearchNet::memory() const {
    return std::accumulate(
        hosts_.begin(), hosts_.end(), std::size_t{0},
        [](std::size_t sum, const Host& host) { return sum + host.router.memory(); });
}

}  // namespace shoal::sim
