#include "peer/listing.hpp"

#include <algorithm>

#include "shoal/integrity/geometry.hpp"
#include "shoal/integrity/unhashed.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

namespace {

constexpr unsigned refusals_max = 2;
constexpr unsigned breaks_max = 3;
constexpr Duration again_after_refusal = 500ms;
constexpr Duration again_min = 250ms;  // to a host that does not know all yet
constexpr Duration again_max = 2s;
constexpr std::size_t many_names = 64;

void put(std::vector<SourceId>& sources, SourceId source) {
    if (std::find(sources.begin(), sources.end(), source) == sources.end()) {
        sources.push_back(source);
    }
}

std::string_view words(protocol::Status status) {
    switch (status) {
        case protocol::Status::busy:
            return "it is busy";
        case protocol::Status::closing:
            return "it is closing";
        case protocol::Status::io_error:
            return "its disk failed";
        case protocol::Status::bad_request:
            return "it does not take that prefix";
        default:
            return "it refused";
    }
}

}  // namespace

void Listing::ask(ServerLink& link, TimePoint now) {
    const auto [entry, is_new] = hosts_.try_emplace(link.host);
    Host& host = entry->second;
    const bool was_lost = servers_.usable(host.link) == nullptr && host.state != State::complete;
    if (is_new || ((was_lost || host.state == State::broken) && host.breaks < breaks_max)) {
        begin(link, host, now);
    }
}

void Listing::begin(ServerLink& link, Host& host, TimePoint now) {
    host.link = link.id;
    host.state = State::asking;
    host.walk.emplace(prefix_, ListingWalk::Depth::whole, ListingWalk::of_order_max);
    host.heard_at = now;
    ask_page(link, host);
}

void Listing::ask_page(ServerLink& link, const Host& host) {
    link.ask(host.walk->question(), this,
             [this](ServerLink& from, const Reply& reply, TimePoint now) {
                 handle_page(from, reply, now);
             });
}

void Listing::drive(TimePoint now) {
    for (auto& [name, host] : hosts_) {
        const bool again = host.state == State::refused || host.state == State::incomplete;
        if (!again || now < host.again_at) {
            continue;
        }
        ServerLink* link = servers_.usable(host.link);
        if (link == nullptr) {
            host.state = State::broken;
            host.why = "the connection broke off";
        } else if (host.state == State::incomplete && patience_ == Patience::until_told) {
            begin(*link, host, now);
        } else if (host.state == State::refused) {
            host.state = State::asking;
            host.heard_at = now;
            ask_page(*link, host);  // it goes on where it was
        }
    }
}

std::optional<TimePoint> Listing::next_timeout() const {
    std::optional<TimePoint> next;
    for (const auto& [name, host] : hosts_) {
        const bool again = host.state == State::refused ||
                           (host.state == State::incomplete && patience_ == Patience::until_told);
        if (again) {
            sooner(next, host.again_at);
        }
    }
    return next;
}

bool Listing::done() const {
    return truncated_ || std::all_of(hosts_.begin(), hosts_.end(), [this](const auto& entry) {
               const State state = entry.second.state;
               return state == State::complete || state == State::broken ||
                      (state == State::incomplete && patience_ == Patience::as_it_is);
           });
}

std::optional<TimePoint> Listing::quiet_at(Duration silence) const {
    std::optional<TimePoint> last;
    for (const auto& [name, host] : hosts_) {
        if (host.state == State::asking && !truncated_) {
            last = std::max(last.value_or(host.heard_at + silence), host.heard_at + silence);
        }
    }
    return last;
}

std::size_t Listing::answered() const {
    return static_cast<std::size_t>(std::count_if(
        hosts_.begin(), hosts_.end(), [](const auto& entry) { return entry.second.told; }));
}

std::vector<ListGap> Listing::gaps() const {
    std::vector<ListGap> gaps;
    for (const auto& [name, host] : hosts_) {
        switch (host.state) {
            case State::complete:
                break;
            case State::incomplete:
                gaps.push_back({name, "it has not said all that it has"});
                break;
            case State::asking:
                gaps.push_back(
                    {name, host.told ? "it has not told all in time" : "it did not answer"});
                break;
            case State::refused:
            case State::broken:
                gaps.push_back({name, host.told ? "its listing broke off: " + host.why : host.why});
                break;
        }
    }
    return gaps;
}

void Listing::handle_refusal(ServerLink& link, Host& host, const Reply& reply, TimePoint now) {
    if (reply.lost()) {
        host.why = "the connection broke off";
        host.state = State::broken;
        ++host.breaks;
        return;
    }
    host.why = words(reply.status());
    const bool may_pass =
        reply.status() == protocol::Status::busy || reply.status() == protocol::Status::io_error;
    const bool again = may_pass && ++host.refusals <= refusals_max && link.usable();
    host.state = again ? State::refused : State::broken;
    host.breaks = again ? host.breaks : breaks_max;
    host.again_at = now + again_after_refusal;
}

void Listing::handle_page(ServerLink& link, const Reply& reply, TimePoint now) {
    const auto found = hosts_.find(link.host);
    if (found == hosts_.end() || found->second.link != link.id ||
        found->second.state != State::asking) {
        return;
    }
    Host& host = found->second;
    if (!reply.is(protocol::ServerType::listing)) {
        host.heard_at = now;
        return handle_refusal(link, host, reply, now);
    }
    const ListingWalk::Page page = host.walk->take(reply.message->flags, reply.payload);
    if (page.verdict == ListingWalk::Verdict::broken) {
        host.state = State::broken;
        host.why = page.why;
        ++host.breaks;
        return link.die("it does not keep to the protocol: " + page.why);
    }
    host.told = true;
    host.heard_at = page.moves ? now : host.heard_at;
    const std::size_t known = new_.size();
    for (const protocol::ListingRecord& record : page.records) {
        take(record, link.id);
    }
    // A host that knows not all yet may say so for ever, with a new name each time.
    const std::size_t fresh = new_.size() - known;
    const bool ends = fresh > 0 && page.verdict == ListingWalk::Verdict::complete;
    const bool full = fresh > 0 && page.verdict == ListingWalk::Verdict::more && page.moves;
    progressed_at_ = fresh >= many_names || ends || full ? now : progressed_at_;
    settle(host, page.verdict, now);
    if (host.state == State::asking) {
        ask_page(link, host);
    }
}

void Listing::settle(Host& host, ListingWalk::Verdict verdict, TimePoint now) {
    using Verdict = ListingWalk::Verdict;
    truncated_ |= verdict == Verdict::too_much;
    if (verdict == Verdict::complete) {
        host.state = State::complete;
    } else if (verdict == Verdict::incomplete) {
        host.state = State::incomplete;
        const auto wait = again_min * (1U << std::min(host.times_told++, 3U));
        host.again_at = now + std::min<Duration>(wait, again_max);
    } else if (truncated_) {
        host.state = State::broken;
        host.why = "there is more than is kept";
        host.breaks = breaks_max;
    }
}

// A name that could not be saved is not taken in.
void Listing::take(const protocol::ListingRecord& record, SourceId source) {
    const bool pending = integrity::is_unhashed(record.id);
    if (truncated_ || (!pending && !record.id.possible()) || !store::SafePath::parse(record.name)) {
        return;
    }
    auto entry = names_.find(std::string(record.name));
    const bool is_new = entry == names_.end();
    const bool new_version = is_new || (!pending && !entry->second.versions.contains(record.id));
    const std::size_t cost = new_version ? ListingWalk::cost_of(record.name) : 0;
    if ((is_new && names_.size() >= names_max_) || cost_ + cost > ListingWalk::of_order_max) {
        truncated_ = true;
        return;
    }
    cost_ += cost;
    if (is_new) {
        entry = names_.emplace(record.name, Name()).first;
        new_.push_back(entry);
    }
    enter(entry->second, record.id, record.held, source);
}

void Listing::enter(Name& name, const integrity::FileId& id, std::uint64_t held, SourceId source) {
    if (integrity::is_unhashed(id)) {
        name.pending_size = name.pending.empty() ? id.size : name.pending_size;
        return put(name.pending, source);
    }
    std::erase(name.pending, source);
    Holders& holders = name.versions[id];
    const bool complete = held == integrity::Geometry(id.size).chunk_count();
    put(complete ? holders.complete : holders.partial, source);
}

}  // namespace shoal::peer
