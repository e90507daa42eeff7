#include "peer/reader.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "peer/answers.hpp"
#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

namespace {

constexpr Duration let_in_max = 10s;     // from accept to ready
constexpr Duration linger_max = 1s;      // for last words to arrive
constexpr Duration drain_max = 5s;       // for uploads under way at the end
constexpr Duration hang_up_max = 300ms;  // then for clients to take the last of it
constexpr unsigned dead_peer_seconds = 20;
constexpr std::uint32_t unsent_max = 128 * limits::KiB;

protocol::Status why_not(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::changed:
            return protocol::Status::changed;
        case ErrorKind::forbidden:
            return protocol::Status::unreadable;
        case ErrorKind::not_found:
            return protocol::Status::not_found;
        case ErrorKind::busy:
            return protocol::Status::busy;
        default:
            return protocol::Status::io_error;
    }
}

}  // namespace

Reader::Reader(Wiring& wiring)
    : wiring_(wiring), files_(*wiring.catalog), upload_limit_(wiring.options.max_upload) {}

Status Reader::run() {
    if (Status watched = poller_.watch(wiring_.reader.fd(), true, false); !watched) {
        return watched;
    }
    while (true) {
        TimePoint now = steady_now();
        begin_runs(now);
        send_all(now);
        enforce_deadlines(now);
        if (draining_ && drained(now)) {
            return {};
        }
        update_interest(now);
        const std::vector<net::Ready>& ready_now = poller_.wait(timeout(now));
        now = steady_now();
        bool mail = false;
        for (const net::Ready& ready : ready_now) {
            mail |= ready.fd == wiring_.reader.fd();
            const auto found = by_fd_.find(ready.fd);
            if (found == by_fd_.end()) {
                continue;
            }
            ClientLink& link = *server_fd_list_.at(found->second);
            if (ready.readable && !receive_from(link, now)) {
                remove(link.key);
            }
        }
        handle_deferred(now);
        if (mail) {
            take_mail(now);
        }
    }
}

void Reader::take_mail(TimePoint now) {
    for (ReaderMail& mail : wiring_.reader.take()) {
        std::visit(Overloaded{
                       [&](Stop&) { begin_draining(now); },
                       [&](NewClient& client) { add_client(std::move(client), now); },
                       [&](Have& have) { push_have(have); },
                       [&](ContentChanged& changed) { take_changed(changed); },
                       [&](NameSettled& settled) { settle_name(settled.name); },
                       [&](UploadLimit& limit) {
                           upload_limit_.set_rate(limit.bytes_per_second, now);
                           wiring_.figures.max_upload = limit.bytes_per_second;
                       },
                       [&](SendHits& hits) { send_hits(hits); },
                       [&](SendDone& done) { send_done(done); },
                   },
                   mail);
    }
}

void Reader::add_client(NewClient mail, TimePoint now) {
    const swarm::ClientKey key{next_key_++};
    const int fd = mail.socket.get();
    net::set_unsent_limit(fd, unsent_max);
    net::set_dead_peer_timeout(fd, dead_peer_seconds);
    auto link = std::make_unique<ClientLink>(key, std::move(mail.socket), mail.address, now);
    if (Status watched = poller_.watch(fd, true, false); !watched) {
        log::warning(watched.error().message);
        wiring_.listener.post(ClientGone{mail.address});
        return;
    }
    by_fd_.emplace(fd, key);
    server_fd_list_.emplace(key, std::move(link));
    wiring_.figures.clients = server_fd_list_.size();
}

void Reader::remove(swarm::ClientKey key) {
    const auto found = server_fd_list_.find(key);
    if (found == server_fd_list_.end()) {
        return;
    }
    ClientLink& link = *found->second;
    const auto ours = [key](const auto& item) { return item.second.first == key; };
    std::erase_if(subscribers_, ours);
    std::erase_if(waiting_for_name_, ours);
    queue_.forget(key);
    poller_.forget(link.fd());
    by_fd_.erase(link.fd());
    wiring_.listener.post(ClientGone{link.address});
    if (link.may_ask) {
        wiring_.requester.post(AskerGone{{key.value}});
    }
    const NodeId node = link.node;
    server_fd_list_.erase(found);
    if (std::none_of(server_fd_list_.begin(), server_fd_list_.end(),
                     [&node](const auto& entry) { return entry.second->node == node; })) {
        wiring_.figures.sent_to.lock()->erase(node);
    }
    wiring_.figures.clients = server_fd_list_.size();
}

// To all subscribers at once: what was just verified can be served on.
void Reader::push_have(const Have& have) {
    const auto [first, last] = subscribers_.equal_range(have.id);
    for (auto entry = first; entry != last; ++entry) {
        const auto found = server_fd_list_.find(entry->second.first);
        if (found == server_fd_list_.end()) {
            continue;
        }
        protocol::serverMessage message;
        message.type = static_cast<std::uint16_t>(protocol::ServerType::have);
        message.id = entry->second.second;
        message.first = have.first.value;
        message.count = have.count;
        found->second->send(message);
    }
}

void Reader::take_changed(const ContentChanged& changed) {
    for (const integrity::FileId& id : changed.ids) {
        if (!subscribers_.contains(id)) {
            continue;
        }
        const store::Holding::State state = wiring_.catalog->find(id).state;
        if (state == store::Holding::State::complete) {
            push_have({id, ChunkIndex{0}, integrity::Geometry(id.size).chunk_count()});
        } else if (state == store::Holding::State::absent) {
            end_subscriptions(id);
        }
    }
}

void Reader::end_subscriptions(const integrity::FileId& id) {
    const auto [first, last] = subscribers_.equal_range(id);
    for (auto entry = first; entry != last; ++entry) {
        const auto& [key, subscription] = entry->second;
        if (const auto found = server_fd_list_.find(key); found != server_fd_list_.end()) {
            found->second->subscriptions.erase(subscription);
            found->second->answer(subscription, protocol::Status::not_found,
                                  "this host no longer has that content");
        }
    }
    subscribers_.erase(first, last);
}

void Reader::settle_name(const std::string& name) {
    const auto [first, last] = waiting_for_name_.equal_range(name);
    std::vector<std::pair<swarm::ClientKey, std::uint64_t>> askers;
    std::transform(first, last, std::back_inserter(askers), [](const auto& e) { return e.second; });
    waiting_for_name_.erase(first, last);
    for (const auto& [key, id] : askers) {
        const auto found = server_fd_list_.find(key);
        if (found == server_fd_list_.end()) {
            continue;
        }
        --found->second->waiting_queries;
        protocol::clientMessage question;
        question.id = id;
        question.set_path(name);
        handle_query(*found->second, question);
    }
}

// New requests are told `closing`; what has begun completes.
void Reader::begin_draining(TimePoint now) {
    if (draining_) {
        return;
    }
    draining_ = true;
    drain_until_ = now + drain_max;
    for (auto& [key, link] : server_fd_list_) {
        if (link->phase != ClientLink::Phase::ready) {
            continue;
        }
        for (const swarm::UploadQueue::Item& item : queue_.forget(key)) {
            link->answer(item.request.value, protocol::Status::closing, "this host is closing");
        }
        link->requests.clear();
        end_searches(*link);
        protocol::serverMessage message;
        message.type = static_cast<std::uint16_t>(protocol::ServerType::closing);
        link->send(message);
    }
}

// True when everybody has what was begun.
bool Reader::drained(TimePoint now) {
    if (server_fd_list_.empty() || now >= drain_until_) {
        return true;
    }
    const bool sending =
        std::any_of(server_fd_list_.begin(), server_fd_list_.end(),
                    [](const auto& entry) { return entry.second->wants_to_send(); });
    if (!sending && !hung_up_) {
        hang_up(now);
    }
    return false;
}

// Closing with requests unread would reset the connection, and a reset overtakes data: so each
// client is sent the end first, and what it still says is read and thrown away.
void Reader::hang_up(TimePoint now) {
    hung_up_ = true;
    drain_until_ = std::min(drain_until_, now + hang_up_max);
    for (auto& [key, link] : server_fd_list_) {
        linger(*link, now);
        ::shutdown(link->fd(), SHUT_WR);
    }
}

// Below a leaf it is not worth a turn.
bool Reader::may_upload(TimePoint now) {
    return upload_limit_.wait_for(limits::leaf_size, now) == Duration::zero();
}

void Reader::begin_runs(TimePoint now) {
    if (queue_.waiting() == 0) {
        return;
    }
    for (auto& [key, link] : server_fd_list_) {
        queue_.set_writable(key, link->can_begin());
    }
    while (may_upload(now)) {
        const auto item = queue_.next();
        if (!item) {
            return;
        }
        ClientLink& link = *server_fd_list_.at(item->client);
        begin(link, *item);
        queue_.set_writable(item->client, link.can_begin());
    }
}

void Reader::begin(ClientLink& link, const swarm::UploadQueue::Item& item) {
    const auto request = link.requests.extract(item.request.value);
    const integrity::FileId id = request.mapped();
    const Result<std::shared_ptr<OpenFile>> file = files_.get(id);
    if (!file) {
        link.answer(item.request.value, why_not(file.error().kind), "that content cannot be read");
        return;
    }
    if (!(*file)->holds(item.run)) {
        link.answer(item.request.value, protocol::Status::not_held, "not here yet");
        return;
    }
    const integrity::Geometry geometry(id.size);
    protocol::serverMessage head;
    head.type = static_cast<std::uint16_t>(protocol::ServerType::data);
    head.id = item.request.value;
    head.fileSize = id.size;
    head.digest = id.root;
    head.first = item.run.first.value;
    head.count = item.run.count;
    const std::uint32_t length = geometry.run_length(item.run);
    wiring_.figures.bytes_sent += length;
    (*wiring_.figures.sent_to.lock())[link.node] += length;
    link.send_run(item.request.value, head, *file, integrity::Geometry::run_offset(item.run),
                  length);
}

// Everybody who has something waiting moves up to one quantum; who begins changes from turn
// to turn, so that under a rate limit all get their share.
void Reader::send_all(TimePoint now) {
    std::vector<ClientLink*> senders;
    for (auto& [key, link] : server_fd_list_) {
        if (link->wants_to_send()) {
            senders.push_back(link.get());
        }
    }
    if (senders.empty()) {
        return;
    }
    std::rotate(senders.begin(),
                senders.begin() + static_cast<std::ptrdiff_t>(turn_++ % senders.size()),
                senders.end());
    for (ClientLink* link : senders) {
        std::uint64_t quantum = limits::send_quantum;
        if (!upload_limit_.unlimited() && link->uploading()) {
            if (!may_upload(now)) {
                continue;
            }
            const std::uint64_t allowed = upload_limit_.available(now);
            quantum = std::min({quantum, allowed, std::uint64_t{limits::chunk_size_min}});
        }
        std::uint64_t moved = 0;
        const bool alive = link->flush(quantum, moved);
        upload_limit_.spend(moved);
        note_rate(link->uploading() ? moved : 0, now);
        if (!alive || link->overfull()) {
            remove(link->key);
        } else if (link->phase == ClientLink::Phase::lingering && !link->wants_to_send()) {
            ::shutdown(link->fd(), SHUT_WR);
        }
    }
}

void Reader::update_interest(TimePoint now) {
    const bool may_send = may_upload(now);
    for (auto& [key, link] : server_fd_list_) {
        const bool write = link->wants_to_send() && (may_send || !link->uploading());
        (void)poller_.watch(link->fd(), link->wants_to_read(), write);
    }
}

void Reader::enforce_deadlines(TimePoint now) {
    std::vector<swarm::ClientKey> late;
    for (const auto& [key, link] : server_fd_list_) {
        const Duration age = now - link->phase_since;
        const bool lingering = link->phase == ClientLink::Phase::lingering;
        if (link->phase != ClientLink::Phase::ready &&
            age >= (lingering ? linger_max : let_in_max)) {
            late.push_back(key);
        }
    }
    for (const swarm::ClientKey key : late) {
        remove(key);
    }
}

std::optional<Duration> Reader::timeout(TimePoint now) {
    if (!deferred_.empty()) {
        return Duration::zero();
    }
    std::optional<Duration> wait;
    const auto at_most = [&wait](Duration span) { wait = wait ? std::min(*wait, span) : span; };
    const bool may_send = may_upload(now);
    bool sending = queue_.waiting() > 0;
    for (const auto& [key, link] : server_fd_list_) {
        sending |= link->uploading();
        if (may_send && link->can_begin() && !link->requests.empty()) {
            return Duration::zero();  // its last run has just gone out, the next can begin
        }
        if (link->phase == ClientLink::Phase::lingering) {
            at_most(std::max(link->phase_since + linger_max - now, Duration::zero()));
        } else if (link->phase != ClientLink::Phase::ready) {
            at_most(std::max(link->phase_since + let_in_max - now, Duration::zero()));
        }
    }
    if (sending && !may_send) {
        at_most(upload_limit_.wait_for(limits::leaf_size, now));
    }
    if (draining_) {
        at_most(std::max(drain_until_ - now, Duration::zero()));
    }
    return wait;
}

}  // namespace shoal::peer
