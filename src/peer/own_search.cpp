#include "peer/own_search.hpp"

#include <algorithm>

#include "shoal/base/random.hpp"

namespace shoal::peer {

namespace {

constexpr std::size_t files_max = 1000;
constexpr std::size_t holders_max = 256;  // of one file
constexpr std::size_t hits_max = 10'000;  // of all
constexpr std::size_t hosts_shown_max = 64;

std::string shown(const HostAddress& address) {
    const auto known = net::Address::from_wire(address);
    return known ? known->to_string() : "?";
}

}  // namespace

overlay::Question question_of(const protocol::Search& search) {
    overlay::Question question;
    question.kind = static_cast<overlay::Question::Kind>(search.kind);
    question.pattern = search.pattern;
    question.extensions = search.extensions;
    question.size_min = search.size_min;
    question.size_max = search.size_max;
    return question;
}

OwnSearch::OwnSearch(Engine& engine, SearchCommand command, TimePoint now)
    : engine_(engine), command_(std::move(command)), began_at_(now), look_again_at_(now) {
    const SearchOrder& order = command_.question;
    question_.kind = static_cast<protocol::QuestionKind>(order.kind);
    question_.pattern = order.pattern;
    question_.extensions = order.extensions;
    question_.size_min = order.size_min;
    question_.size_max = order.size_max;
    auto matcher = overlay::Matcher::make(question_of(question_));
    if (!matcher) {
        wrong_ = matcher.error().message;
        return;
    }
    if (order.ttl == 0 || order.ttl > limits::search_ttl_max) {
        wrong_ = "a TTL is 1 to 15";
        return;
    }
    matcher_ = std::move(*matcher);
}

bool OwnSearch::owns(const overlay::SearchId& id) const {
    return std::find(ids_.begin(), ids_.end(), id) != ids_.end();
}

std::optional<TimePoint> OwnSearch::next_timeout() const {
    return over_ || ending_ ? std::nullopt : std::optional(look_again_at_);
}

// Asking ---------------------------------------------------------------------------------------

// True when it is time to ask.
bool OwnSearch::look_connected(TimePoint now) {
    const std::size_t usable = engine_.servers.usable().size();
    const std::size_t wanted = std::max(1U, command_.question.wait_hosts);
    if (usable == 0 && now < deadline() &&
        !(engine_.settled() && command_.question.wait_hosts == 0)) {
        look_again_at_ = deadline();
        return false;
    }
    if (usable == 0) {
        const Nobody nobody = engine_.why_nobody();
        unreached_ = nobody.hosts;
        end(now, nobody.outcome, nobody.text);
        return false;
    }
    if (!connected_at_) {
        connected_at_ = now;
    }
    const bool waited = engine_.settled() || now - *connected_at_ >= more_hosts_max;
    if (now < deadline() && (usable < wanted || !waited)) {
        look_again_at_ = usable < wanted ? deadline() : *connected_at_ + more_hosts_max;
        return false;
    }
    overlay::RingPlan::Options options;
    options.ttl = static_cast<std::uint8_t>(command_.question.ttl);
    options.widen = command_.question.widen;
    options.wait = std::max<Duration>(deadline() - now, 100ms);
    plan_.emplace(options, now);
    return true;
}

std::optional<overlay::Route> OwnSearch::drive(TimePoint now) {
    if (over_ || ending_) {
        return std::nullopt;
    }
    if (!wrong_.empty()) {
        finish(now, Outcome::usage, wrong_);
        return std::nullopt;
    }
    if (!plan_ && !look_connected(now)) {
        return std::nullopt;
    }
    const overlay::RingPlan::Step step = plan_->poll(now);
    if (const auto* ask = std::get_if<overlay::RingPlan::Ask>(&step)) {
        overlay::Route route;
        random_bytes(route.id.bytes);
        route.ttl = ask->ttl;
        route.wait = ask->wait;
        ids_.push_back(route.id);
        return route;
    }
    if (const auto* wait = std::get_if<overlay::RingPlan::Wait>(&step)) {
        look_again_at_ = wait->until;
    } else {
        end(now, std::nullopt, "");
    }
    return std::nullopt;
}

void OwnSearch::handle_done(const overlay::SearchId& id, const overlay::Counts& counts) {
    plan_->handle_done(counts, id == ids_.back());
}

void OwnSearch::cancel(TimePoint now) { finish(now, Outcome::cancelled, "stopped"); }

// This host's own files ------------------------------------------------------------------------

const overlay::Matcher* OwnSearch::begin_scan(const overlay::SearchId& id) {
    if (!command_.question.own || !matcher_) {
        return nullptr;
    }
    scan_ = id;
    return &*matcher_;
}

void OwnSearch::handle_scanned(const FileScans::Finished& scanned, TimePoint now) {
    scan_.reset();
    truncated_ |= scanned.more;
    for (const store::CatalogRecord& record : scanned.found) {
        Found& found = found_[record.id];
        if (found.name.empty() || found.hops > 0) {
            found.name = record.name;
            found.hops = 0;
        }
        const bool whole = record.held == integrity::Geometry(record.id.size).chunk_count();
        (whole ? found.whole_here : found.part_here) = true;
    }
    if (ending_) {
        finish(now, ending_->problem, ending_->text);
    }
}

void OwnSearch::end(TimePoint now, std::optional<Outcome> problem, const std::string& text) {
    if (scan_) {
        ending_ = {problem, text};
    } else {
        finish(now, problem, text);
    }
}

// Gathering ------------------------------------------------------------------------------------

// What a host of this machine says of itself is of use on this machine only; and nobody is told
// to dial what is no host. Hits that are no answer to the question are somebody's own wish.
void OwnSearch::handle_hits(const ServerLink& from, const protocol::Hits& hits) {
    const auto address = net::Address::from_wire(hits.address);
    if (over_ || ending_ || hits.holder == engine_.wiring.identity.node || !address ||
        !address->is_dialable() || (address->is_loopback() && !from.address.is_loopback())) {
        return;
    }
    FoundHost host;
    host.host = address->to_string();
    host.hops = static_cast<std::uint32_t>(hits.path.size());
    host.rate = hits.rate;
    for (auto hop = hits.path.rbegin(); hop != hits.path.rend(); ++hop) {
        host.path.push_back(shown(*hop));
    }
    truncated_ |= hits.more;
    for (const protocol::Hit& hit : hits.hits) {
        if (hit.id.possible() && store::SafePath::parse(hit.name) &&
            matcher_->matches(hit.name, hit.id.size)) {
            host.whole = hit.whole;
            add_hit(hit, engine_.wiring.identity.key_of(hits.holder, hits.address), host);
        }
    }
    plan_->handle_found(hits_);
}

void OwnSearch::add_hit(const protocol::Hit& hit, const HostKey& holder, const FoundHost& host) {
    const auto known = found_.find(hit.id);
    if (hits_ >= hits_max || (known == found_.end() && found_.size() >= files_max)) {
        truncated_ = true;
        return;
    }
    Found& found = known == found_.end() ? found_[hit.id] : known->second;
    if (found.name.empty() || host.hops < found.hops) {
        found.name = hit.name;
        found.hops = host.hops;
    }
    const auto before = found.holders.find(holder);
    if (before == found.holders.end() && found.holders.size() < holders_max) {
        found.holders.emplace(holder, host);
        ++hits_;
    } else if (before != found.holders.end() && host.hops < before->second.hops) {
        before->second = host;
    }
}

FoundFile OwnSearch::row_of(const integrity::FileId& id, const Found& found) const {
    FoundFile row;
    row.name = found.name;
    row.size = id.size;
    row.root = id.root.hex();
    row.hops = found.hops;
    for (const auto& [holder, host] : found.holders) {
        ++(host.whole ? row.complete : row.partial);
        row.rate = std::max(row.rate, host.rate);
        row.hosts.push_back(host);
    }
    std::sort(row.hosts.begin(), row.hosts.end(),
              [](const FoundHost& left, const FoundHost& right) {
                  return std::tie(left.hops, left.host) < std::tie(right.hops, right.host);
              });
    row.hosts.resize(std::min(row.hosts.size(), hosts_shown_max));
    row.complete += found.whole_here ? 1 : 0;
    row.partial += found.part_here ? 1 : 0;
    row.here = engine_.wiring.catalog->find(id).state == store::Holding::State::complete;
    return row;
}

void OwnSearch::finish(TimePoint now, std::optional<Outcome> problem, const std::string& text) {
    over_ = true;
    if (command_.sink == nullptr) {
        return;
    }
    SearchResults results;
    results.order = command_.order;
    for (const auto& [id, found] : found_) {
        results.files.push_back(row_of(id, found));
    }
    std::sort(results.files.begin(), results.files.end(),
              [](const FoundFile& left, const FoundFile& right) {
                  return std::tie(left.hops, right.complete, left.name, left.root) <
                         std::tie(right.hops, left.complete, right.name, right.root);
              });
    if (plan_) {
        const overlay::Counts& price = plan_->price();
        results.price = {price.hosts, price.messages, price.bytes,   price.duplicates,
                         price.lost,  price.late,     price.refused, {}};
        results.price.rings.assign(plan_->asked().begin(), plan_->asked().end());
        results.complete = plan_->everybody() && !problem;
    }
    results.truncated = truncated_;
    results.elapsed = now - began_at_;
    results.problem = problem;
    results.unreached = unreached_;
    results.text = text;
    command_.sink->deliver(results);
}

}  // namespace shoal::peer
