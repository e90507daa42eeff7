// The reader's subscriptions: who is told of which file, and when.
#include <algorithm>

#include "peer/answers.hpp"
#include "peer/reader.hpp"

namespace shoal::peer {

namespace {
constexpr Duration pending_news_every = 1s;
constexpr std::ptrdiff_t to_one_file_max = 8;  // subscriptions of one client
}  // namespace

void Reader::handle_subscribe(ClientLink& link, const protocol::clientMessage& message) {
    if (link.subscriptions.size() >= limits::subscriptions_per_client_max) {
        link.answer(message.id, protocol::Status::busy, "too many subscriptions");
        return;
    }
    const integrity::FileId id{message.fileSize, message.digest};
    const auto to_it = std::count_if(link.subscriptions.begin(), link.subscriptions.end(),
                                     [&id](const auto& entry) { return entry.second == id; });
    if (to_it >= to_one_file_max) {
        link.answer(message.id, protocol::Status::busy, "too many subscriptions to that file");
        return;
    }
    const Answer answer = answer_subscribe(*wiring_.catalog, message);
    link.send(answer.message, answer.payload);
    if (answer.message.type == static_cast<std::uint16_t>(protocol::ServerType::holding)) {
        link.subscriptions.emplace(message.id, id);
        watched_[id].news.subscribe({link.key, message.id});
    }
}

void Reader::handle_unsubscribe(ClientLink& link, const protocol::clientMessage& message) {
    const auto found = link.subscriptions.find(message.first);
    if (found != link.subscriptions.end()) {  // else it has ended meanwhile
        const integrity::FileId id = found->second;
        watched_.at(id).news.unsubscribe({link.key, message.first});
        link.subscriptions.erase(found);
        forget_unwatched(id);
    }
    link.answer(message.id, protocol::Status::ok);
}

void Reader::end_subscriptions(ClientLink& link) {
    for (const auto& [subscription, id] : std::exchange(link.subscriptions, {})) {
        if (const auto watched = watched_.find(id); watched != watched_.end()) {
            watched->second.news.forget(link.key);
            forget_unwatched(id);
        }
    }
}

void Reader::forget_unwatched(const integrity::FileId& id) {
    if (watched_.at(id).news.count() == 0) {
        watched_.erase(id);
        news_of_.erase(id);
    }
}

void Reader::end_subscriptions(const integrity::FileId& id) {
    news_of_.erase(id);
    for (const auto& [client, subscription] : watched_.extract(id).mapped().news.subscribers()) {
        ClientLink& link = *attend(client);
        link.subscriptions.erase(subscription);
        link.answer(subscription, protocol::Status::not_found,
                    "this host no longer has that content");
    }
}

void Reader::take_have(const Have& have) {
    if (const auto found = watched_.find(have.id); found != watched_.end()) {
        found->second.news.handle_have({have.first, have.count});
        news_of_.insert(have.id);
    }
}

void Reader::tell_pending(TimePoint now) {
    if (waiting_for_name_.empty()) {
        told_pending_.clear();
        tell_pending_at_ = now + pending_news_every;
    }
    if (now < tell_pending_at_) {
        return;
    }
    tell_pending_at_ = now + pending_news_every;
    for (auto& [name, told] : told_pending_) {
        const store::Holding holding = wiring_.catalog->find(name);
        if (holding.state == store::Holding::State::pending && holding.pending != told) {
            told = holding.pending;
            tell_pending(name);
        }
    }
}

void Reader::tell_pending(const std::string& name) {
    const auto [first, last] = waiting_for_name_.equal_range(name);
    for (auto at = first; at != last; ++at) {
        protocol::clientMessage question;
        question.id = at->second.second;
        question.set_path(name);
        const Answer answer = answer_query(*wiring_.catalog, question);
        ClientLink* link = attend(at->second.first);
        if (link != nullptr && link->wants_to_read() && says_pending(answer)) {
            link->send(answer.message);
        }
    }
}

void Reader::tell_news(TimePoint now) {
    std::erase_if(news_of_, [this](const integrity::FileId& id) {
        return !watched_.at(id).news.next_timeout();
    });
    for (const integrity::FileId& id : news_of_) {
        Watched& watched = watched_.at(id);
        if (*watched.news.next_timeout() > now) {
            continue;
        }
        const auto partial = wiring_.catalog->find(id).partial;
        const bool ending = !partial || swarm::Announcer::ends(partial->held_count(),
                                                               partial->geometry().chunk_count());
        for (const swarm::Announcer::Notice& notice : watched.news.poll(ending, now)) {
            tell(notice);
        }
    }
}

void Reader::tell_along(ClientLink& link, const integrity::FileId& id, TimePoint now) {
    if (const auto found = watched_.find(id); found != watched_.end()) {
        for (const swarm::Announcer::Notice& notice : found->second.news.take(link.key, now)) {
            tell(notice);
        }
    }
}

// A message has room for one stretch and many single chunks.
void Reader::tell(const swarm::Announcer::Notice& notice) {
    ClientLink& link = *attend(notice.to.client);
    const std::vector<swarm::ChunkSpan>& news = notice.chunks;
    for (std::size_t from = 0; from < news.size();) {
        protocol::serverMessage message;
        message.type = static_cast<std::uint16_t>(protocol::ServerType::have);
        message.id = notice.to.subscription;
        message.first = news[from].first.value;
        message.count = news[from].count;
        std::vector<std::uint8_t> more;
        const std::size_t room = std::size_t{limits::more_chunks_max} * sizeof(std::uint32_t);
        for (++from; from < news.size() && news[from].count == 1 && more.size() < room; ++from) {
            protocol::append_chunk(more, news[from].first);
        }
        link.send(message, more);
    }
}

}  // namespace shoal::peer
