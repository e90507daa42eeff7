#include "gateway/ftp/worker.hpp"

#include <algorithm>
#include <utility>

#include "gateway/ftp/client.hpp"
#include "shoal/base/log.hpp"

namespace shoal::gateway::ftp {
namespace {
constexpr Duration drain_deadline = 4s;
}

Worker::Worker(const Shared& shared)
    : shared_(shared), scratch_(block_size), random_(random_seed()) {}

Worker::~Worker() = default;

Status Worker::run() {
    if (Status watched = poller_.watch(mailbox_.fd(), true, false); !watched) {
        return watched;
    }
    while (!stopping_ || (!clients_.empty() && steady_now() < stop_by_)) {
        const auto& ready = poller_.wait(until_next(steady_now()));
        const TimePoint now = steady_now();
        for (const net::Ready& one : ready) {
            const auto index = static_cast<std::size_t>(one.fd);
            if (one.fd == mailbox_.fd()) {
                take_mail();
            } else if (index < by_fd_.size() && by_fd_[index] != nullptr) {
                Client& client = *by_fd_[index];
                client.handle_ready(one, now);
                settle(client);
            }
        }
        run_deadlines(now);
        graveyard_.clear();
    }
    clients_.clear();
    graveyard_.clear();
    return {};
}

void Worker::take_mail() {
    for (WorkerMail& mail : mailbox_.take()) {
        handle(std::move(mail));
    }
}

void Worker::handle(WorkerMail mail) {
    if (auto* fresh = std::get_if<NewClient>(&mail)) {
        add(std::move(*fresh));
    } else if (const auto* out = std::get_if<Evict>(&mail)) {
        evict(out->place);
    } else if (auto* answered = std::get_if<Answered>(&mail)) {
        if (Client* client = find(answered->client)) {
            client->handle_answer(std::move(*answered));
            settle(*client);
        }
    } else if (const auto* news = std::get_if<News>(&mail)) {
        if (Client* client = find(news->client)) {
            client->handle_news(news->question);
            settle(*client);
        }
    } else {
        stop();
    }
}

void Worker::add(NewClient mail) {
    const ClientId id = ++last_id_;
    auto client = std::make_unique<Client>(*this, id, std::move(mail), steady_now());
    Client& fresh = *client;
    clients_.emplace(id, std::move(client));
    strangers_.emplace(fresh.place(), id);
    fresh.start();
    if (stopping_) {
        fresh.handle_stop();
    }
    settle(fresh);
}

void Worker::evict(Place place) {
    const auto stranger = strangers_.find(place);
    if (stranger != strangers_.end()) {
        Client& client = *clients_.at(stranger->second);
        client.handle_evicted();
        settle(client);
    }
}

// After anything that happened to a client: its output goes out, its deadline is noted if it is
// sooner than the one known, and if it is gone, so is its place.
void Worker::settle(Client& client) {
    client.settle(steady_now());
    if (stopping_ && !client.gone()) {
        client.handle_stop();
        client.settle(steady_now());
    }
    if (client.logged_in() && strangers_.erase(client.place()) > 0) {
        shared_.acceptor->post(LoggedIn{client.place()});
    }
    if (client.gone()) {
        deadlines_.erase({client.noted, client.id()});
        strangers_.erase(client.place());
        shared_.acceptor->post(ClientGone{client.place()});
        clients_.erase(client.id());
        return;
    }
    const TimePoint deadline = client.deadline();
    if (deadline < client.noted) {
        deadlines_.erase({client.noted, client.id()});
        client.noted = deadline;
        deadlines_.emplace(deadline, client.id());
    }
}

void Worker::run_deadlines(TimePoint now) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        Client& client = *find(deadlines_.begin()->second);
        deadlines_.erase(deadlines_.begin());
        client.noted = TimePoint::max();
        if (client.deadline() <= now) {
            client.handle_timeout(now);
        }
        settle(client);
    }
}

std::optional<Duration> Worker::until_next(TimePoint now) const {
    std::optional<TimePoint> next;
    if (!deadlines_.empty()) {
        next = deadlines_.begin()->first;
    }
    if (stopping_) {
        sooner(next, stop_by_);
    }
    return next ? std::optional<Duration>(*next - now) : std::nullopt;
}

void Worker::stop() {
    stopping_ = true;
    stop_by_ = steady_now() + drain_deadline;
    std::vector<ClientId> ids;
    for (const auto& [id, client] : clients_) {
        ids.push_back(id);
    }
    for (const ClientId id : ids) {
        if (Client* client = find(id)) {
            settle(*client);
        }
    }
}

Client* Worker::find(ClientId id) {
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second.get();
}

Status Worker::watch(int fd, Client& client, bool read, bool write) {
    Status watched = poller_.watch(fd, read, write);
    if (watched && fd >= 0) {
        const auto index = static_cast<std::size_t>(fd);
        if (index >= by_fd_.size()) {
            by_fd_.resize(index + 1);
        }
        by_fd_[index] = &client;
    }
    return watched;
}

void Worker::forget(int fd) {
    poller_.forget(fd);
    const auto index = static_cast<std::size_t>(fd);
    if (fd >= 0 && index < by_fd_.size()) {
        by_fd_[index] = nullptr;
    }
}

void Worker::bury(Fd fd) {
    if (fd) {
        graveyard_.push_back(std::move(fd));
    }
}

}  // namespace shoal::gateway::ftp
