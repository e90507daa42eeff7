#include "peer/plan.hpp"

#include <algorithm>

#include "peer/status.hpp"

namespace shoal::peer {

Plan::Plan(Engine& engine, const integrity::FileId& id)
    : engine_(engine), id_(id), geometry_(id.size) {
    for (ServerLink* link : engine_.servers.usable()) {
        ask(*link);
    }
}

Plan::~Plan() {
    engine_.servers.forget(this);
    for (const auto& [id, host] : hosts_) {
        if (ServerLink* link = engine_.servers.usable(id)) {
            link->unsubscribe(host.subscription);
        }
    }
}

// What a server holds comes with a subscription.
void Plan::ask(ServerLink& link) {
    open_ += 2;
    const std::uint64_t subscription = link.subscribe(
        id_, this,
        [this](ServerLink& from, const Reply& reply, TimePoint) {
            --open_;
            handle_holding(from.id, reply);
        },
        [](ServerLink&, ChunkIndex, std::uint32_t, TimePoint) {});
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::status);
    link.ask(question, this, [this](ServerLink& from, const Reply& reply, TimePoint) {
        --open_;
        handle_status(from.id, reply);
    });
    hosts_[link.id] = {link.host, subscription, false, Bitmap(geometry_.chunk_count()), 0};
}

void Plan::handle_holding(SourceId host, const Reply& reply) {
    if (!reply.is(protocol::ServerType::holding)) {
        return;
    }
    const std::uint32_t chunks = geometry_.chunk_count();
    Host& known = hosts_.at(host);
    if (auto holds = held_chunks(reply, chunks)) {
        known.holds = std::move(*holds);
    }
    known.holder = known.holds.count() > 0 || chunks == 0;
}

void Plan::handle_status(SourceId host, const Reply& reply) {
    if (reply.is(protocol::ServerType::status)) {
        hosts_.at(host).rate = rate_told(parse_status(reply.payload));
    }
}

Bitmap Plan::here() const {
    const std::uint32_t chunks = geometry_.chunk_count();
    const store::Holding holding = engine_.wiring.catalog->find(id_);
    if (holding.state == store::Holding::State::partial) {
        return holding.partial->held();
    }
    return Bitmap(chunks, holding.state == store::Holding::State::complete);
}

FetchPlan Plan::report() const {
    FetchPlan plan;
    const Bitmap kept = here();
    plan.chunks = geometry_.chunk_count();
    plan.here = static_cast<std::uint32_t>(kept.count());
    for (const auto& [id, host] : hosts_) {
        if (host.holder) {
            plan.hosts.push_back(
                {host.name, static_cast<std::uint32_t>(host.holds.count()), host.rate});
        }
    }
    std::stable_sort(
        plan.hosts.begin(), plan.hosts.end(),
        [](const PlannedHost& a, const PlannedHost& b) { return a.chunks > b.chunks; });
    std::map<std::uint32_t, std::uint32_t> rarity;
    for (std::uint32_t chunk = 0; chunk < plan.chunks; ++chunk) {
        if (!kept.test(chunk)) {
            ++rarity[static_cast<std::uint32_t>(std::count_if(
                hosts_.begin(), hosts_.end(),
                [chunk](const auto& entry) { return entry.second.holds.test(chunk); }))];
        }
    }
    plan.rarity.assign(rarity.begin(), rarity.end());
    plan.expected = expected(plan);
    return plan;
}

// All holders at their rates, in parallel; less when this host limits itself.
std::optional<Duration> Plan::expected(const FetchPlan& plan) const {
    std::uint64_t chunks = 0;
    for (const auto& [holders, count] : plan.rarity) {
        chunks += holders > 0 ? count : 0;
    }
    double rate = 0;
    for (const PlannedHost& host : plan.hosts) {
        rate += static_cast<double>(host.rate);
    }
    if (const std::uint64_t most = engine_.wiring.figures.max_download; most > 0 && rate > 0) {
        rate = std::min(rate, static_cast<double>(most));
    }
    if (rate <= 0) {
        return std::nullopt;
    }
    const double bytes = std::min(static_cast<double>(chunks) * geometry_.chunk_size(),
                                  static_cast<double>(id_.size));
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::min(bytes / rate, 1e9)));
}

}  // namespace shoal::peer
