#include "peer/own_search.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "shoal/base/random.hpp"
#include "shoal/integrity/unhashed.hpp"

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
    } else if (engine_.awaits_hosts() && now < deadline()) {
        look_again_at_ = deadline();
    } else {
        end(now, std::nullopt, "");
    }
    return std::nullopt;
}

// A host of hosts.txt that came late is asked as well.
void OwnSearch::handle_link(const ServerLink& link) {
    if (plan_ && !over_ && !ending_ && link.from_hosts_file) {
        plan_->handle_host_up();
    }
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
    own_unsure_ = !scanned.all;
    for (const store::CatalogRecord& record : scanned.found) {
        Found& found = found_[{record.id, {}}];
        found.name_here = found.name_here.empty() ? record.name : found.name_here;
        const bool whole = record.held == integrity::Geometry(record.id.size).chunk_count();
        (whole ? found.whole_here : found.part_here) = true;
    }
    for (const store::CatalogRecord& record : scanned.pending) {
        found_[{record.id, record.name}].name_here = record.name;
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
    truncated_ |= hits.more;
    ways_.add_path(hits.path);
    const HostKey key = engine_.wiring.identity.key_of(hits.holder, hits.address);
    for (const protocol::Hit& hit : hits.hits) {
        const bool sane = integrity::is_unhashed(hit.id) ? !hit.whole : hit.id.possible();
        if (sane && store::SafePath::parse(hit.name) && matcher_->matches(hit.name, hit.id.size)) {
            add_hit(hit, key,
                    {std::string(hit.name), hits.address, hits.path, hits.rate, hit.whole});
        }
    }
    plan_->handle_found(hits_ - pending_hits_);
}

void OwnSearch::add_hit(const protocol::Hit& hit, const HostKey& key, Holder holder) {
    const bool pending = integrity::is_unhashed(hit.id);
    const Content content{hit.id, pending ? holder.name : std::string()};
    const auto known = found_.find(content);
    if (hits_ >= hits_max || (known == found_.end() && found_.size() >= files_max)) {
        truncated_ = true;
        return;
    }
    auto& holders = known == found_.end() ? found_[content].holders : known->second.holders;
    const auto before = holders.find(key);
    if (before == holders.end() && holders.size() < holders_max) {
        holders.emplace(key, std::move(holder));
        ++hits_;
        pending_hits_ += pending ? 1 : 0;
    } else if (before != holders.end()) {
        // Of several names there, and of several ways here, always the same one.
        const auto rank = [](const Holder& one) {
            return std::tuple(!one.whole, one.path.size(), one.name, one.address);
        };
        if (rank(holder) < rank(before->second)) {
            before->second = std::move(holder);
        }
    }
}

// Rows -----------------------------------------------------------------------------------------

// Whoever is connected is one hop away, whichever way its answer came.
void OwnSearch::draw_ways() {
    for (const ServerLink* link : engine_.servers.usable()) {
        const HostAddress address = link->address.wire();
        ways_.add_neighbour(address);
        neighbours_.emplace(engine_.wiring.identity.key_of(link->node(), address), address);
    }
}

// What a host has hashed since it told of it is pending there no longer.
void OwnSearch::drop_outdated() {
    std::set<std::pair<HostKey, std::string>> hashed;
    for (const auto& [content, found] : found_) {
        for (const auto& [key, holder] : found.holders) {
            if (content.pending_name.empty()) {
                hashed.emplace(key, holder.name);
            }
        }
    }
    for (auto& entry : found_) {
        const std::string& name = entry.first.pending_name;
        if (!name.empty()) {
            std::erase_if(entry.second.holders, [&](const auto& one) {
                return hashed.contains({one.first, name});
            });
        }
    }
    std::erase_if(found_, [](const auto& entry) {
        return entry.second.holders.empty() && entry.second.name_here.empty();
    });
}

FoundHost OwnSearch::host_of(const HostKey& key, const Holder& holder) {
    const auto neighbour = neighbours_.find(key);
    std::vector<HostAddress> way = neighbour != neighbours_.end() ? std::vector{neighbour->second}
                                                                  : ways_.to(holder.path.front());
    if (way.empty()) {
        way.assign(holder.path.rbegin(), holder.path.rend());
    }
    FoundHost host;
    host.host = shown(holder.address);
    host.hops = static_cast<std::uint32_t>(way.size());
    host.rate = holder.rate;
    host.whole = holder.whole;
    std::transform(way.begin(), way.end(), std::back_inserter(host.path), shown);
    return host;
}

FoundFile OwnSearch::row_of(const Content& content, const Found& found) {
    FoundFile row;
    row.size = content.id.size;
    row.pending = !content.pending_name.empty();
    row.root = row.pending ? std::string() : content.id.root.hex();
    std::vector<std::pair<FoundHost, std::string>> holders;  // and the name there
    for (const auto& [key, holder] : found.holders) {
        holders.emplace_back(host_of(key, holder), holder.name);
    }
    std::sort(holders.begin(), holders.end(), [](const auto& left, const auto& right) {
        return std::tie(left.first.hops, left.second, left.first.host) <
               std::tie(right.first.hops, right.second, right.first.host);
    });
    const bool here = !found.name_here.empty();
    row.name = here ? found.name_here : holders.front().second;
    row.hops = here ? 0 : holders.front().first.hops;
    for (const auto& [host, name] : holders) {
        row.complete += !row.pending && host.whole ? 1 : 0;
        row.partial += !row.pending && !host.whole ? 1 : 0;
        row.rate = std::max(row.rate, host.rate);
        if (row.hosts.size() < hosts_shown_max) {
            row.hosts.push_back(host);
        }
    }
    row.complete += found.whole_here ? 1 : 0;
    row.partial += found.part_here ? 1 : 0;
    row.here = engine_.wiring.catalog->find(content.id).state == store::Holding::State::complete;
    return row;
}

// Nearest first.
std::vector<FoundFile> OwnSearch::rows() {
    draw_ways();
    drop_outdated();
    std::vector<FoundFile> rows;
    for (const auto& [content, found] : found_) {
        rows.push_back(row_of(content, found));
    }
    std::sort(rows.begin(), rows.end(), [](const FoundFile& left, const FoundFile& right) {
        return std::tie(left.hops, right.complete, left.name, left.root) <
               std::tie(right.hops, left.complete, right.name, right.root);
    });
    return rows;
}

// Why a file that was not found may be there all the same; empty: everybody has told.
std::string OwnSearch::doubts() const {
    std::string words;
    const auto add = [&words](std::uint64_t count, const std::string& what) {
        if (count > 0) {
            words += (words.empty() ? "" : ", ") + std::to_string(count) +
                     (count == 1 ? " host " : " hosts ") + what;
        }
    };
    if (plan_ && plan_->last()) {
        const overlay::Counts& last = *plan_->last();
        add(last.late, "did not answer in time");
        add(last.lost, "went before the answer came");
        add(last.refused, "refused the question");
        add(last.unsure, "could not look at all files there");
    } else if (plan_) {
        words = "not all hosts answered in time";
    }
    if (const std::string unasked = engine_.unasked_text(); !unasked.empty()) {
        words += (words.empty() ? "" : ", ") + unasked;
    }
    if (own_unsure_) {
        words += (words.empty() ? "" : ", ") + std::string("not all files here were looked at");
    }
    return words;
}

void OwnSearch::finish(TimePoint now, std::optional<Outcome> problem, const std::string& text) {
    over_ = true;
    if (command_.sink == nullptr) {
        return;
    }
    SearchResults results;
    results.order = command_.order;
    results.files = rows();
    results.doubts = doubts();
    if (plan_) {
        const overlay::Counts& price = plan_->price();
        results.price = {price.hosts,      price.messages, price.bytes,
                         price.duplicates, price.lost,     price.late,
                         price.refused,    price.unsure,   {}};
        results.price.rings.assign(plan_->asked().begin(), plan_->asked().end());
        results.complete = plan_->everybody() && results.doubts.empty() && !problem;
    }
    results.truncated = truncated_;
    results.elapsed = now - began_at_;
    results.problem = problem;
    results.unreached = unreached_;
    results.text = text;
    const bool only_pending = std::all_of(results.files.begin(), results.files.end(),
                                          [](const FoundFile& file) { return file.pending; });
    if (!problem && only_pending && (!results.files.empty() || !results.doubts.empty())) {
        results.problem = Outcome::incomplete;
        results.text = results.files.empty() ? "nothing found, but " + results.doubts
                                             : "what was found is still hashed or written there";
    }
    command_.sink->deliver(results);
}

}  // namespace shoal::peer
