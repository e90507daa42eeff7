#include "peer/reader.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "peer/answers.hpp"
#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

namespace {

constexpr Duration let_in_max = 10s;  // from accept to ready
constexpr Duration linger_max = 1s;   // for last words to arrive
constexpr Duration drain_max = 5s;    // for uploads under way at the end
constexpr unsigned dead_peer_seconds = 20;
constexpr std::uint32_t unsent_max = 128 * limits::KiB;

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
                       [&](NameSettled& settled) { settle_name(settled.name); },
                       [&](UploadLimit& limit) {
                           upload_limit_.set_rate(limit.bytes_per_second, now);
                           wiring_.figures.max_upload = limit.bytes_per_second;
                       },
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
    wiring_.figures.sent_to.lock()->erase(link.node);
    server_fd_list_.erase(found);
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
        protocol::serverMessage message;
        message.type = static_cast<std::uint16_t>(protocol::ServerType::closing);
        link->send(message);
    }
}

bool Reader::drained(TimePoint now) const {
    return now >= drain_until_ ||
           std::none_of(server_fd_list_.begin(), server_fd_list_.end(),
                        [](const auto& entry) { return entry.second->wants_to_send(); });
}

void Reader::begin_runs(TimePoint now) {
    if (queue_.waiting() == 0) {
        return;
    }
    for (auto& [key, link] : server_fd_list_) {
        queue_.set_writable(key, link->can_begin());
    }
    while (upload_limit_.available(now) > 0) {
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
        const bool changed = file.error().kind == ErrorKind::changed;
        const bool denied = file.error().kind == ErrorKind::forbidden;
        link.answer(item.request.value,
                    changed  ? protocol::Status::changed
                    : denied ? protocol::Status::unreadable
                             : protocol::Status::not_found,
                    "this host no longer has that content");
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
    link.send_run(item.request.value, head, *file, integrity::Geometry::run_offset(item.run),
                  geometry.run_length(item.run));
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
            const std::uint64_t allowed = upload_limit_.available(now);
            quantum = std::min({quantum, allowed, std::uint64_t{limits::chunk_size_min}});
            if (quantum == 0) {
                continue;
            }
        }
        std::uint64_t moved = 0;
        const bool alive = link->flush(quantum, moved);
        upload_limit_.spend(moved);
        wiring_.figures.bytes_sent += moved;
        if (link->phase == ClientLink::Phase::ready) {
            (*wiring_.figures.sent_to.lock())[link->node] += moved;
        }
        if (!alive || link->overfull()) {
            remove(link->key);
        } else if (link->phase == ClientLink::Phase::lingering && !link->wants_to_send()) {
            ::shutdown(link->fd(), SHUT_WR);
        }
    }
}

void Reader::update_interest(TimePoint now) {
    const bool may_send = upload_limit_.available(now) > 0;
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
    std::optional<Duration> wait;
    const auto at_most = [&wait](Duration span) { wait = wait ? std::min(*wait, span) : span; };
    const bool may_send = upload_limit_.available(now) > 0;
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
