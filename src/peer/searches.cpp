#include "peer/searches.hpp"

#include <algorithm>
#include <string_view>

#include "shoal/base/random.hpp"
#include "shoal/integrity/unhashed.hpp"

namespace shoal::peer {

namespace {

using overlay::SearchId;
using overlay::SearchRouter;

constexpr std::size_t kept_bytes_max = 4 * limits::MiB;
constexpr Duration scan_turn = 1ms;

overlay::Route route_of(const protocol::Search& search) {
    return {{search.id},
            static_cast<std::uint8_t>(std::min<std::uint16_t>(search.ttl, UINT8_MAX)),
            search.stack,
            std::chrono::milliseconds(search.wait_ms)};
}

overlay::Counts counts_of(const protocol::SearchCounts& said) {
    return {said.hosts, said.messages, said.bytes, said.duplicates, said.lost,
            said.late,  said.refused,  said.cut,   said.unsure};
}

// The holder and its files, without the way that they came: what makes them the same hits.
std::uint64_t fingerprint(const HostKey& holder, const protocol::Hits& hits,
                          std::span<const std::uint8_t> payload) {
    const std::size_t head = protocol::hits_head + hits.path.size() * limits::host_address_size;
    const auto view = [](std::span<const std::uint8_t> bytes) {
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    const std::hash<std::string_view> hash;
    return (hash(view(payload.subspan(head))) * 31 + hash(view(holder.node.bytes))) * 31 +
           hash(view(holder.seen_at.ip));
}

}  // namespace

// Neighbours -----------------------------------------------------------------------------------

void Searches::handle_link(ServerLink& link) {
    link.set_hit_sink(this);
    router_.handle_server_up(link.id, link.address.wire(), link.node());
    for (auto& search : own_) {
        search->handle_link(link);
    }
    pump();
}

void Searches::handle_link_lost(const ServerLink& link) {
    router_.handle_server_gone(link.id);
    pump();
}

void Searches::handle_asker(const AskerUp& up) {
    router_.handle_asker_up(up.asker, up.listens, up.node);
}

void Searches::handle_asker_gone(const AskerGone& gone) {
    router_.handle_asker_gone(gone.asker);
    pump();
}

// Searches of others ---------------------------------------------------------------------------

void Searches::handle_arrived(const SearchArrived& arrived, TimePoint now) {
    const auto search = protocol::parse_search(arrived.message);
    if (!search) {
        return refuse(arrived, protocol::Status::bad_request, search.error().message);
    }
    auto matcher = overlay::Matcher::make(peer::question_of(*search));
    if (!matcher) {
        return refuse(arrived, protocol::Status::bad_request, matcher.error().message);
    }
    const overlay::Route route = route_of(*search);
    arriving_ = &*search;
    const auto verdict = router_.handle_search(arrived.asker, arrived.message.id, route, now);
    pump();
    arriving_ = nullptr;
    if (verdict == SearchRouter::Verdict::malformed) {
        refuse(arrived, protocol::Status::bad_request, "its stack loops, or its TTL is 0");
    } else if (verdict == SearchRouter::Verdict::fresh &&
               !scans_.add(route.id, std::move(*matcher), now + route.wait)) {
        router_.handle_local_done(route.id, false);
        pump();
    }
    note_totals();
}

void Searches::refuse(const SearchArrived& arrived, protocol::Status status,
                      const std::string& why) {
    ++engine_.wiring.figures.searches_refused;
    engine_.wiring.reader.post(SendDone{arrived.asker, arrived.message.id, {}, status, why});
}

const protocol::Search* Searches::question_of(const SearchId& id) const {
    if (arriving_ != nullptr && arriving_->id == id.bytes) {
        return arriving_;
    }
    const auto owner = std::find_if(own_.begin(), own_.end(),
                                    [&id](const auto& search) { return search->owns(id); });
    return owner == own_.end() ? nullptr : &(*owner)->question();
}

OwnSearch* Searches::owner_of(const SearchId& id) {
    const auto owner = std::find_if(own_.begin(), own_.end(),
                                    [&id](const auto& search) { return search->owns(id); });
    return owner == own_.end() ? nullptr : owner->get();
}

// What the router has decided, done.
void Searches::pump() {
    while (const auto action = router_.poll()) {
        std::visit(Overloaded{
                       [&](const SearchRouter::Forward& onward) { forward(onward); },
                       [&](const SearchRouter::Reply& reply) {
                           engine_.wiring.reader.post(SendDone{
                               reply.to, reply.request, reply.counts, protocol::Status::ok, {}});
                       },
                       [&](const SearchRouter::Resend& again) { resend(again); },
                       [&](const SearchRouter::OwnDone& done) {
                           if (OwnSearch* owner = owner_of(done.id)) {
                               owner->handle_done(done.id, done.counts);
                           }
                       },
                   },
                   *action);
    }
}

void Searches::forward(const SearchRouter::Forward& onward) {
    const SearchId id = onward.route.id;
    ServerLink* link = engine_.servers.usable(onward.to);
    const protocol::Search* question = question_of(id);
    if (link == nullptr || question == nullptr) {
        return router_.handle_done(onward.to, id, std::nullopt);
    }
    protocol::Search search = *question;
    search.id = id.bytes;
    search.ttl = onward.route.ttl;
    search.stack = onward.route.stack;
    search.wait_ms = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(onward.route.wait).count());
    link->ask(protocol::encode_search(search), this,
              [this, id](ServerLink& from, const Reply& reply, TimePoint) {
                  handle_answer(from, id, reply);
              });
}

void Searches::handle_answer(ServerLink& link, const SearchId& id, const Reply& reply) {
    if (reply.lost()) {
        return;  // handle_link_lost() follows
    }
    std::optional<overlay::Counts> counts;
    if (reply.is(protocol::ServerType::search_done)) {
        counts = counts_of(protocol::parse_search_done(*reply.message));
    }
    router_.handle_done(link.id, id, counts);
    pump();
}

// Hits -----------------------------------------------------------------------------------------

void Searches::handle_hits(ServerLink& link, const protocol::serverMessage& message,
                           std::span<const std::uint8_t> payload) {
    auto hits = protocol::parse_hits(message, payload);
    if (!hits) {
        return link.die("it does not keep to the protocol: " + hits.error().message);
    }
    const HostAddress sender = link.address.wire();
    if (hits->path.empty() && !hits->address.known()) {
        hits->address = sender;  // the holder itself, at the address that was dialled
    }
    if (hits->path.size() >= protocol::hits_path_max || !hits->address.known()) {
        return;
    }
    const HostKey holder = engine_.wiring.identity.key_of(hits->holder, hits->address);
    const std::uint64_t same = fingerprint(holder, *hits, payload);
    hits->path.push_back(sender);
    const SearchId id{hits->search};
    const auto way =
        router_.handle_hits(link.id, id, same, limits::server_message_size + payload.size());
    if (way.kind == SearchRouter::Way::Kind::own) {
        if (OwnSearch* owner = owner_of(id)) {
            owner->handle_hits(link, *hits);
        }
    } else if (pass_on(way, id, *hits)) {
        ++engine_.wiring.figures.hits_relayed;
    }
    pump();
    note_totals();
}

bool Searches::pass_on(const SearchRouter::Way& way, const SearchId& id,
                       const protocol::Hits& hits) {
    using Kind = SearchRouter::Way::Kind;
    if (way.kind != Kind::asker && way.kind != Kind::hold) {
        return false;
    }
    const auto message = std::make_shared<const protocol::HitsMessage>(protocol::encode_hits(hits));
    kept_.push_back({id, message});
    kept_bytes_ += message->payload.size();
    while (kept_bytes_ > kept_bytes_max) {
        kept_bytes_ -= kept_.front().hits->payload.size();
        kept_.pop_front();
    }
    if (way.kind == Kind::asker) {
        engine_.wiring.reader.post(SendHits{way.to, message});
    }
    return way.kind == Kind::asker;
}

void Searches::resend(const SearchRouter::Resend& again) {
    for (const Kept& kept : kept_) {
        if (kept.id == again.id) {
            engine_.wiring.reader.post(SendHits{again.to, kept.hits});
        }
    }
}

// Half of the thread's time at most.
void Searches::work_on_files(TimePoint now) {
    if (scans_.idle() || now < scan_again_at_) {
        return;
    }
    const TimePoint began = steady_now();
    TimePoint ended = began;
    while (!scans_.idle() && ended - began < scan_turn) {
        if (const auto finished = scans_.work(ended)) {
            finish_scan(*finished, ended);
        }
        ended = steady_now();
    }
    scan_again_at_ = ended + (ended - began);
}

void Searches::finish_scan(const FileScans::Finished& finished, TimePoint now) {
    for (auto& search : own_) {
        if (search->scans(finished.id)) {
            return search->handle_scanned(finished, now);
        }
    }
    protocol::Hits hits;
    hits.search = finished.id.bytes;
    hits.holder = engine_.wiring.identity.node;
    hits.address = engine_.wiring.identity.advertise;
    const Figures& figures = engine_.wiring.figures;
    hits.rate = figures.best_upload != 0 ? figures.best_upload : figures.max_upload;
    hits.more = finished.more;
    for (const auto* records : {&finished.found, &finished.pending}) {
        for (const store::CatalogRecord& record : *records) {
            const bool whole = record.held == integrity::Geometry(record.id.size).chunk_count() &&
                               !integrity::is_unhashed(record.id);
            const protocol::Hit hit{record.name, record.id, whole};
            if (!protocol::fits(hits, hit)) {
                hits.more = true;
                break;
            }
            hits.hits.push_back(hit);
        }
    }
    if (!hits.hits.empty()) {
        const protocol::HitsMessage made = protocol::encode_hits(hits);
        const auto way =
            router_.handle_hits(std::nullopt, finished.id, fingerprint({}, hits, made.payload),
                                limits::server_message_size + made.payload.size());
        if (pass_on(way, finished.id, hits)) {
            ++engine_.wiring.figures.hits_sent;
        }
    }
    router_.handle_local_done(finished.id, finished.all);
    pump();
}

// Searches of this host's user -----------------------------------------------------------------

void Searches::begin(SearchCommand command, TimePoint now) {
    own_.push_back(std::make_unique<OwnSearch>(engine_, std::move(command), now));
    OwnSearch& search = *own_.back();
    SearchId scan;
    random_bytes(scan.bytes);
    if (const overlay::Matcher* matcher = search.begin_scan(scan);
        matcher != nullptr && !scans_.add(scan, *matcher, search.deadline())) {
        search.handle_scanned({scan, {}, {}, true, false},
                              now);  // too many wait: say that there is more
    }
}

void Searches::cancel(std::uint64_t order, TimePoint now) {
    for (auto& search : own_) {
        if (search->order() == order && !search->over()) {
            search->cancel(now);
        }
    }
}

void Searches::forget_sink(const EventSink* sink) {
    for (auto& search : own_) {
        if (search->sink() == sink && !search->over()) {
            search->silence();
            search->cancel({});
        }
    }
}

void Searches::silence() {
    for (auto& search : own_) {
        search->silence();
    }
}

// Time -----------------------------------------------------------------------------------------

void Searches::drive(TimePoint now) {
    router_.handle_timeout(now);
    pump();
    work_on_files(now);
    for (auto& search : own_) {
        while (const auto route = search->drive(now)) {
            router_.begin_own(*route, now);
            pump();
        }
    }
    for (auto& search : own_) {
        if (search->over()) {
            for (const SearchId& id : search->ids()) {
                router_.end_own(id);
            }
        }
    }
    std::erase_if(own_, [](const auto& search) { return search->over(); });
    note_totals();
}

std::optional<TimePoint> Searches::next_timeout() const {
    std::optional<TimePoint> next = router_.next_timeout();
    for (const auto& search : own_) {
        sooner(next, search->next_timeout());
    }
    if (!scans_.idle()) {
        sooner(next, scan_again_at_);
    }
    return next;
}

void Searches::note_totals() {
    const SearchRouter::Totals& totals = router_.totals();
    Figures& figures = engine_.wiring.figures;
    figures.searches_handled = totals.handled;
    figures.searches_forwarded = totals.forwarded;
    figures.searches_duplicate = totals.duplicates;
    figures.searches_repaired = totals.repaired;
    figures.hits_dropped = totals.hits_dropped;
}

}  // namespace shoal::peer
