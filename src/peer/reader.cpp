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
constexpr std::uint64_t looks_per_second = 1000;  // at some 20 us each; the burst is a leaf's bytes

}  // namespace

Reader::Reader(Wiring& wiring)
    : wiring_(wiring),
      files_(*wiring.catalog),
      upload_limit_(wiring.options.max_upload),
      looks_(looks_per_second) {}

Status Reader::run() {
    if (Status watched = poller_.watch(wiring_.reader.fd(), true, false); !watched) {
        return watched;
    }
    while (true) {
        TimePoint now = steady_now();
        tell_news(now);
        tell_pending(now);
        begin_runs(now);
        send_all(now);
        take_up_input(now);
        enforce_deadlines(now);
        files_.close_idle(now);
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
            if (ready.readable && !receive_from(*attend(found->second), now)) {
                remove(found->second);
            }
        }
        handle_deferred(now);
        if (mail) {
            take_mail(now);
        }
    }
}

ClientLink* Reader::attend(swarm::ClientKey key) {
    const auto found = server_fd_list_.find(key);
    if (found == server_fd_list_.end()) {
        return nullptr;
    }
    busy_.emplace(key, found->second.get());
    return found->second.get();
}

void Reader::take_mail(TimePoint now) {
    for (ReaderMail& mail : wiring_.reader.take()) {
        std::visit(Overloaded{
                       [&](Stop&) { begin_draining(now); },
                       [&](NewClient& client) { add_client(std::move(client), now); },
                       [&](Evict& out) { evict(out.place); },
                       [&](Have& have) { take_have(have); },
                       [&](ContentChanged& changed) { take_changed(changed); },
                       [&](NameSettled& settled) { settle_name(settled.name, now); },
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
    net::set_dead_peer_timeout(fd, dead_peer_seconds);
    auto link =
        std::make_unique<ClientLink>(key, std::move(mail.socket), mail.address, mail.place, now);
    if (Status watched = poller_.watch(fd, true, false); !watched) {
        log::warning(watched.error().message);
        wiring_.listener.post(ClientGone{mail.place});
        return;
    }
    by_fd_.emplace(fd, key);
    server_fd_list_.emplace(key, std::move(link));
    attend(key);
    wiring_.figures.clients = server_fd_list_.size();
}

// Who has shown that it may come in stays, even if it did so a moment ago only.
void Reader::evict(net::Places::Id place) {
    const auto found = std::find_if(busy_.begin(), busy_.end(), [place](const auto& entry) {
        return entry.second->place == place && entry.second->phase != ClientLink::Phase::ready;
    });
    if (found == busy_.end()) {
        return;
    }
    ClientLink& link = *found->second;
    link.session = protocol::Session();
    link.answer(0, protocol::Status::busy, "others need the place; say hello sooner");
    std::uint64_t moved = 0;
    (void)link.flush(limits::send_quantum, moved);
    remove(link.key);
}

void Reader::remove(swarm::ClientKey key) {
    const auto found = server_fd_list_.find(key);
    if (found == server_fd_list_.end()) {
        return;
    }
    ClientLink& link = *found->second;
    if (link.waiting_queries > 0) {
        std::erase_if(waiting_for_name_,
                      [key](const auto& item) { return item.second.first == key; });
        std::erase_if(waiting_lists_, [key](const auto& item) { return item.second.first == key; });
    }
    end_subscriptions(link);
    queue_.forget(key);
    poller_.forget(link.fd());
    by_fd_.erase(link.fd());
    wiring_.listener.post(ClientGone{link.place});
    if (link.may_ask) {
        wiring_.requester.post(AskerGone{{key.value}});
    }
    const HostKey host = key_of(link);
    busy_.erase(key);
    server_fd_list_.erase(found);
    if (std::none_of(server_fd_list_.begin(), server_fd_list_.end(),
                     [&](const auto& entry) { return key_of(*entry.second) == host; })) {
        wiring_.figures.sent_to.lock()->erase(host);
    }
    wiring_.figures.clients = server_fd_list_.size();
}

HostKey Reader::key_of(const ClientLink& link) const {
    return wiring_.identity.key_of(link.node, link.address.wire());
}

void Reader::take_changed(const ContentChanged& changed) {
    for (const integrity::FileId& id : changed.ids) {
        if (!watched_.contains(id)) {
            continue;
        }
        const store::Holding::State state = wiring_.catalog->find(id).state;
        if (state == store::Holding::State::complete) {
            take_have({id, ChunkIndex{0}, integrity::Geometry(id.size).chunk_count()});
        } else if (state == store::Holding::State::absent) {
            end_subscriptions(id);
        }
    }
}

void Reader::settle_name(const std::string& name, TimePoint now) {
    const auto [first, last] = waiting_for_name_.equal_range(name);
    std::vector<std::pair<swarm::ClientKey, std::uint64_t>> askers;
    std::transform(first, last, std::back_inserter(askers), [](const auto& e) { return e.second; });
    waiting_for_name_.erase(first, last);
    told_pending_.erase(name);
    for (const auto& [key, id] : askers) {
        ClientLink* link = attend(key);
        if (link == nullptr) {
            continue;
        }
        --link->waiting_queries;
        protocol::clientMessage question;
        question.id = id;
        question.set_path(name);
        handle_query(*link, question, true, now);
    }
    answer_lists(name);
}

void Reader::answer_lists(const std::string& folder) {
    const auto [first, last] = waiting_lists_.equal_range(folder);
    std::vector<std::pair<swarm::ClientKey, protocol::clientMessage>> askers;
    std::transform(first, last, std::back_inserter(askers), [](const auto& e) { return e.second; });
    waiting_lists_.erase(first, last);
    for (const auto& [key, question] : askers) {
        if (ClientLink* link = attend(key)) {
            --link->waiting_queries;
            const Answer answer = answer_list(wiring_.offers(), question);
            link->send(answer.message, answer.payload);
        }
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
        attend(key);
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
    const bool sending = std::any_of(busy_.begin(), busy_.end(), [](const auto& entry) {
        return entry.second->wants_to_send();
    });
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
        linger(*attend(key), now);
        ::shutdown(link->fd(), SHUT_WR);
    }
}

void Reader::update_interest(TimePoint now) {
    const bool may_send = may_upload(now);
    std::erase_if(busy_, [&](const auto& entry) {
        const ClientLink& link = *entry.second;
        const bool write = link.wants_to_send() && (may_send || !link.uploading());
        (void)poller_.watch(link.fd(), link.wants_to_read(), write);
        return link.idle();
    });
}

void Reader::enforce_deadlines(TimePoint now) {
    std::vector<swarm::ClientKey> late;
    for (const auto& [key, link] : busy_) {
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
    for (const auto& [key, link] : busy_) {
        sending |= link->uploading();
        if (link->phase == ClientLink::Phase::lingering) {
            at_most(std::max(link->phase_since + linger_max - now, Duration::zero()));
        } else if (link->phase != ClientLink::Phase::ready) {
            at_most(std::max(link->phase_since + let_in_max - now, Duration::zero()));
        }
    }
    if (!waiting_for_name_.empty()) {
        at_most(std::max(tell_pending_at_ - now, Duration::zero()));
    }
    for (const integrity::FileId& id : news_of_) {
        if (const auto due = watched_.at(id).news.next_timeout()) {
            at_most(std::max(*due - now, Duration::zero()));
        }
    }
    if (may_send && may_begin_) {
        return Duration::zero();  // a run has just gone out, the next can begin
    }
    if (const auto due = queue_.next_timeout(now); may_send && due) {
        at_most(*due - now);
    }
    if (sending && !may_send) {
        at_most(upload_limit_.wait_for(limits::leaf_size, now));
    }
    if (const auto idle = files_.next_timeout()) {
        at_most(std::max(*idle - now, Duration::zero()));
    }
    if (draining_) {
        at_most(std::max(drain_until_ - now, Duration::zero()));
    }
    return wait;
}

}  // namespace shoal::peer
