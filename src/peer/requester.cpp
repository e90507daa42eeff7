#include "peer/requester.hpp"

#include <algorithm>

#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

namespace {

constexpr Duration hello_max = 5s;     // for the handshake to be over
constexpr Duration stranger_max = 1s;  // then, for what is no peer to say so
constexpr Duration report_every = 100ms;
constexpr Duration maps_every = 1s;
constexpr std::size_t receive_quantum = 2 * limits::MiB;  // per link and turn
constexpr std::uint32_t receive_room = 4 * limits::MiB;   // more than is ever asked of one
constexpr std::uint64_t unhashed_max = 8 * limits::MiB;
constexpr Duration hash_patience = 10ms;
constexpr unsigned dead_peer_seconds = 20;

}  // namespace

Requester::Requester(Wiring& wiring, PeerApi& api, FrontEnd& front)
    : wiring_(wiring),
      api_(api),
      front_(front),
      engine_(wiring),
      gateways_(engine_),
      download_limit_(wiring.options.max_download) {}

Status Requester::run() {
    if (Status watched = poller_.watch(wiring_.requester.fd(), true, false); !watched) {
        return watched;
    }
    front_.start(api_, steady_now());
    while (true) {
        TimePoint now = steady_now();
        drive(now);
        update_interest(now);
        const std::vector<net::Ready> ready_now = poller_.wait(timeout(now));
        now = steady_now();
        receive_all(ready_now, now);
        hash_arrived(ready_now.empty(), now);
        for (const net::Ready& ready : ready_now) {
            if (ready.fd == wiring_.requester.fd() && !take_mail(now)) {
                stop_all();
                return {};
            }
        }
        serve_front(ready_now, now);
    }
}

// Links ----------------------------------------------------------------------------------------

void Requester::add_link(NewServer server, TimePoint now) {
    const int fd = server.socket.get();
    const net::Address address = server.address;
    if (by_fd_.size() >= limits::servers_beside(wiring_.options.max_clients)) {
        wiring_.connector.post(DialVerdict{address,
                                           DialVerdict::Kind::refused,
                                           {},
                                           "this host is connected to enough others",
                                           DownReason::enough_others});
        return;
    }
    net::set_dead_peer_timeout(fd, dead_peer_seconds);
    net::make_receive_room(fd, receive_room);
    if (Status watched = poller_.watch(fd, true, true); !watched) {
        wiring_.connector.post(DialVerdict{address,
                                           DialVerdict::Kind::refused,
                                           {},
                                           watched.error().message,
                                           DownReason::enough_others});
        return;
    }
    ServerLink& link = engine_.servers.add(std::move(server), wiring_, now);
    by_fd_.emplace(fd, link.id);
    link.flush(now);
}

void Requester::receive_all(const std::vector<net::Ready>& ready_now, TimePoint now) {
    const std::vector<SourceId> backlog = std::exchange(backlog_, {});
    for (const net::Ready& ready : ready_now) {
        const auto found = by_fd_.find(ready.fd);
        ServerLink* link = found == by_fd_.end() ? nullptr : engine_.servers.find(found->second);
        if (link != nullptr && ready.readable && !link->input_waits()) {
            receive_from(*link, now);
        }
    }
    for (const SourceId id : backlog) {
        if (ServerLink* link = engine_.servers.find(id)) {
            receive_from(*link, now);
        }
    }
    bury_dead(now);
}

void Requester::receive_from(ServerLink& link, TimePoint now) {
    const ServerLink::Phase phase = link.phase();
    const std::uint64_t allowed = download_limit_.available(now);
    const std::size_t quantum =
        static_cast<std::size_t>(std::min<std::uint64_t>(allowed, receive_quantum));
    download_limit_.spend(link.receive(quantum, now));
    untold_ |= link.has_untold();
    if (link.input_waits()) {
        backlog_.push_back(link.id);
    }
    look_at_phase(link, phase, now);
}

// For whoever asks from another thread. Not with each slice: it takes a lock.
void Requester::tell_received(TimePoint now) {
    if (!untold_ || now < next_told_) {
        return;
    }
    untold_ = false;
    next_told_ = now + report_every;
    auto from = wiring_.figures.received_from.lock();
    for (auto& [id, link] : engine_.servers.all()) {
        if (const std::uint64_t bytes = link->take_untold(); bytes > 0) {
            Traffic& traffic =
                from->try_emplace(key_of(*link), Traffic{link->host, 0, {}}).first->second;
            traffic.bytes += bytes;
            traffic.meter.add(bytes, now);
        }
    }
}

// When nothing else is to be done, or too much of it waits, or one has waited for long: whoever
// keeps a socket busy keeps nobody's download from being verified. At once where others wait for
// it.
void Requester::hash_arrived(bool quiet, TimePoint now) {
    const bool crowd = std::any_of(engine_.transfers.begin(), engine_.transfers.end(),
                                   [](const auto& entry) { return entry.second->in_crowd(); });
    const std::uint64_t most = crowd ? 0 : unhashed_max;
    const std::optional<TimePoint> since = wiring_.checks.waiting_since();
    bool due = quiet || (since && *since + hash_patience <= now);
    while (std::exchange(due, false) || wiring_.checks.waiting_bytes() > most) {
        if (std::optional<Check> check = wiring_.checks.take()) {
            take_checked(perform(std::move(*check), scratch_), now);
        }
    }
    if (wiring_.checks.call_help()) {
        wiring_.keeper.post(HelpHash{});
    }
}

void Requester::take_checked(const Checked& checked, TimePoint now) {
    const auto found = engine_.transfers.find(checked.check.transfer);
    if (found != engine_.transfers.end()) {
        found->second->handle_checked(checked, now);
    }
}

HostKey Requester::key_of(const ServerLink& link) const {
    return wiring_.identity.key_of(link.node(), link.address.wire());
}

void Requester::look_at_phase(ServerLink& link, ServerLink::Phase before, TimePoint now) {
    if (link.phase() == before) {
        return;
    }
    if (link.usable()) {
        link_is_up(link, now);
    } else if (link.phase() == ServerLink::Phase::closing) {
        for (auto& [key, transfer] : engine_.transfers) {
            transfer->handle_link_closing(link);
        }
    }
}

void Requester::link_is_up(ServerLink& link, TimePoint now) {
    if (link.node() == wiring_.identity.node) {
        wiring_.connector.post(
            DialVerdict{link.address, DialVerdict::Kind::self, link.node(), {}, {}});
        link.set_verdict_given();
        return link.die("it is this host");
    }
    for (auto& [id, other] : engine_.servers.all()) {
        if (id != link.id && other->phase() != ServerLink::Phase::dead && other->was_up() &&
            key_of(*other) == key_of(link)) {
            wiring_.connector.post(
                DialVerdict{link.address, DialVerdict::Kind::duplicate, link.node(), {}, {}});
            link.set_verdict_given();
            return link.die("it is connected already");
        }
    }
    wiring_.connector.post(DialVerdict{link.address, DialVerdict::Kind::up, link.node(), {}, {}});
    engine_.refused_by.erase(link.address);
    link.set_up();
    wiring_.figures.servers += 1;
    front_.deliver(Notice{Notice::Kind::host_connected, link.host, link.host + " connected", {}});
    for (auto& fetch : fetches_) {
        fetch->handle_link(link, now);
    }
    for (auto& [key, transfer] : engine_.transfers) {
        transfer->handle_link(link, now);
    }
    engine_.small.handle_link(link);
    searches_.handle_link(link);
    gateways_.handle_link(link, now);
    for (ListOrder& order : lists_) {
        if (order.listing) {
            order.listing->ask(link, now);
        }
    }
}

void Requester::bury_dead(TimePoint now) {
    std::vector<SourceId> dead;
    for (auto& [id, link] : engine_.servers.all()) {
        if (link->phase() == ServerLink::Phase::dead) {
            dead.push_back(id);
        }
    }
    for (const SourceId id : dead) {
        ServerLink& link = *engine_.servers.find(id);
        poller_.forget(link.fd());
        by_fd_.erase(link.fd());
        link.tell_lost(now);
        for (auto& fetch : fetches_) {
            fetch->handle_link_lost(link, now);
        }
        for (auto& [key, transfer] : engine_.transfers) {
            transfer->handle_link_lost(link, now);
        }
        engine_.small.handle_link_lost(link);
        searches_.handle_link_lost(link);
        gateways_.handle_link_lost(link, now);
        if (link.was_up()) {
            wiring_.figures.servers -= 1;
            wiring_.figures.received_from.lock()->erase(key_of(link));
            front_.deliver(Notice{Notice::Kind::host_lost, link.host,
                                  link.host + " lost: " + link.why_dead(), link.why_down()});
            wiring_.connector.post(DialVerdict{link.address, DialVerdict::Kind::down, link.node(),
                                               link.why_dead(), link.why_down()});
        } else if (!link.verdict_given()) {
            tell_refused(link);
            const auto kind =
                link.did_not_hear() ? DialVerdict::Kind::silent : DialVerdict::Kind::refused;
            wiring_.connector.post(
                DialVerdict{link.address, kind, {}, link.why_dead(), link.why_down()});
        }
        engine_.servers.remove(id);
    }
}

// Once for each reason: hosts of hosts.txt are tried again and again.
void Requester::tell_refused(const ServerLink& link) {
    if (!link.from_hosts_file ||
        std::exchange(engine_.refused_by[link.address], link.why_down()) == link.why_down()) {
        return;
    }
    PeerRow row;
    row.address = link.host;
    row.why = link.why_dead();
    front_.deliver(Notice{Notice::Kind::refused, link.host, unreached_text(row), link.why_down()});
}

void Requester::expire_hellos(TimePoint now) {
    for (auto& [id, link] : engine_.servers.all()) {
        if (!link->shaking() || now - link->since() < hello_max) {
            continue;
        }
        if (!link->asks_no_more()) {
            link->ask_no_more();
        } else if (now - link->since() >= hello_max + stranger_max) {
            link->die("it took the connection, but no hello came: is that a Shoal peer?",
                      DownReason::silent);
        }
    }
}

// A turn ---------------------------------------------------------------------------------------

void Requester::drive(TimePoint now) {
    expire_hellos(now);
    bury_dead(now);
    for (auto& fetch : fetches_) {
        fetch->drive(now);
    }
    gateways_.drive(now);
    for (auto& [key, transfer] : engine_.transfers) {
        transfer->drive(now);
    }
    engine_.small.drive(now);
    drive_lists(now);
    drive_peer_lists(now);
    searches_.drive(now);
    report_progress(now);
    tell_received(now);
    turn_again_ = sweep();
    for (auto& [id, link] : engine_.servers.all()) {
        if (link->wants_to_send()) {
            link->flush(now);
            turn_again_ |= link->phase() == ServerLink::Phase::dead;
        }
    }
    if (const auto code = front_.finished(); code && !finish_said_) {
        finish_said_ = true;
        wiring_.keeper.post(Finish{*code});
    }
}

// What is over goes here, where nobody is in the middle of calling it.
bool Requester::sweep() {
    const std::size_t went =
        std::erase_if(engine_.transfers, [](const auto& entry) { return entry.second->over(); });
    std::erase_if(fetches_, [](const auto& fetch) { return fetch->over(); });
    wiring_.figures.downloads = fetches_.size();
    if (went > 0 && engine_.transfers.empty()) {
        wiring_.figures.chunk_maps.lock()->clear();
    }
    if (went > 0) {
        for (auto& fetch : fetches_) {
            fetch->handle_room();
        }
    }
    return went > 0;
}

void Requester::report_progress(TimePoint now) {
    if (fetches_.empty() || now < next_report_) {
        return;
    }
    next_report_ = now + report_every;
    if (now >= next_maps_) {
        next_maps_ = now + maps_every;
        draw_maps();
    }
    for (auto& fetch : fetches_) {
        if (fetch->has_news()) {
            fetch->report(now);
        }
    }
}

void Requester::serve_front(const std::vector<net::Ready>& ready_now, TimePoint now) {
    for (const net::Ready& ready : ready_now) {
        if (ready.fd == front_input_ && ready.readable) {
            front_.handle_input(now);
        }
        if (ready.fd == front_output_ && ready.writable) {
            front_.handle_output(now);
        }
    }
    if (const auto due = front_.next_timeout(); due && *due <= now) {
        front_.handle_timeout(now);
    }
}

void Requester::watch_front() {
    const int input = front_.input_fd();
    const int output = front_.output_fd();
    for (const int old : {front_input_, front_output_}) {
        if (old >= 0 && old != input && old != output) {
            poller_.forget(old);
        }
    }
    front_input_ = input;
    front_output_ = output;
    if (input >= 0) {
        (void)poller_.watch(input, true, input == output);
    }
    if (output >= 0 && output != input) {
        (void)poller_.watch(output, false, true);
    }
}

// Below a leaf it is not worth a turn.
bool Requester::may_download(TimePoint now) {
    return download_limit_.wait_for(limits::leaf_size, now) == Duration::zero();
}

void Requester::update_interest(TimePoint now) {
    const bool may_receive = may_download(now);
    for (auto& [id, link] : engine_.servers.all()) {
        (void)poller_.watch(link->fd(), may_receive, link->wants_to_send());
    }
    watch_front();
}

std::optional<Duration> Requester::timeout(TimePoint now) {
    if (turn_again_ || !backlog_.empty() || wiring_.checks.waiting_bytes() > 0) {
        return Duration::zero();
    }
    std::optional<TimePoint> next;
    if (untold_) {
        next = next_told_;
    }
    for (const auto& fetch : fetches_) {
        sooner(next, fetch->next_timeout());
        if (fetch->has_news()) {
            sooner(next, next_report_);
        }
    }
    for (const auto& [key, transfer] : engine_.transfers) {
        sooner(next, transfer->next_timeout());
    }
    sooner(next, engine_.small.next_timeout());
    sooner(next, searches_.next_timeout());
    sooner(next, gateways_.next_timeout());
    sooner(next, next_list_timeout(now));
    for (const PeersOrder& order : peer_lists_) {
        sooner(next, order.due);
    }
    for (const auto& [id, link] : engine_.servers.all()) {
        if (link->shaking()) {
            sooner(next, link->since() + hello_max +
                             (link->asks_no_more() ? stranger_max : Duration::zero()));
        }
    }
    sooner(next, front_.next_timeout());
    if (!may_download(now) && !by_fd_.empty()) {
        sooner(next, now + download_limit_.wait_for(limits::leaf_size, now));
    }
    if (!next) {
        return std::nullopt;
    }
    return std::max(*next - now, Duration::zero());
}

// Downloads under way are left as they are on the disk: the keeper syncs them.
void Requester::stop_all() {
    gateways_.stop();
    for (auto& [key, transfer] : engine_.transfers) {
        transfer->stop();
    }
    for (auto& fetch : fetches_) {
        fetch->silence();
    }
    lists_.clear();
    peer_lists_.clear();
    searches_.silence();
}

}  // namespace shoal::peer
