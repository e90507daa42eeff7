#include "peer/pending_ask.hpp"

#include <algorithm>

#include "peer/versions.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/integrity/unhashed.hpp"

namespace shoal::peer {

namespace {

// A server lets one client wait for 256 names; others of this host's orders wait beside.
constexpr std::size_t questions_per_link = 64;
constexpr std::size_t names_open_max = 512;
constexpr Duration again_after_busy = 500ms;

}  // namespace

std::string text_of(const Interim& interim) {
    const std::string name = text::escape(interim.name);
    if (!interim.said) {
        return interim.host + " did not answer what it has of " + name;
    }
    if (interim.being_written) {
        return interim.host + ": " + name + " is being written there";
    }
    const auto percent = interim.size == 0 ? 0 : interim.hashed * 100 / interim.size;
    return interim.host + " still hashes " + name + " (" +
           std::to_string(std::min<std::uint64_t>(percent, 99)) + " %)";
}

Interim interim_of(const ServerLink& link, const std::string& name, const Reply& reply) {
    return {link.host,
            name,
            reply.message->fileSize,
            std::min(reply.message->first, reply.message->fileSize),
            (reply.message->flags & protocol::flag_being_written) != 0,
            true};
}

bool HashPace::moves(const Interim& news, TimePoint now) {
    const bool first = !since_;
    if (!first) {
        using Seconds = std::chrono::duration<double>;
        const double seconds = std::chrono::duration_cast<Seconds>(now - *since_).count();
        const double least = static_cast<double>(least_per_second) * seconds;
        if (news.being_written || news.hashed <= hashed_ ||
            static_cast<double>(news.hashed - hashed_) < least) {
            return false;
        }
    }
    hashed_ = first && news.being_written ? 0 : news.hashed;
    since_ = now;
    return true;
}

void PendingAsk::add(std::string name, const std::vector<SourceId>& hosts) {
    queue_.push_back({std::move(name), hosts});
}

void PendingAsk::begin(Waiting waiting, TimePoint now) {
    const auto [entry, is_new] =
        open_.try_emplace(waiting.name, Name{swarm::VersionVote(std::string(), now), {}, {}, true});
    Name& open = entry->second;
    touched_ = true;
    for (const SourceId host : waiting.hosts) {
        ServerLink* link = servers_.usable(host);
        const ServerLink* known = servers_.find(host);
        const std::string host_name = known == nullptr ? "a host" : known->host;
        Question& question = open.questions[host];
        question.interim = {host_name, entry->first, 0, 0, false, false};
        if (link == nullptr) {
            question.lost = true;
        } else {
            ask(*link, entry->first, open);
        }
    }
}

void PendingAsk::ask(ServerLink& link, const std::string& name, Name& open) {
    open.vote.handle_asked(link.id);
    ++asked_[link.id];
    link.ask(query_of(name), this,
             [this, name](ServerLink& from, const Reply& reply, TimePoint now) {
                 handle_answer(name, from, reply, now);
             });
}

void PendingAsk::handle_answer(const std::string& name, ServerLink& link, const Reply& reply,
                               TimePoint now) {
    using protocol::Status;
    const bool interim = reply.is(protocol::ServerType::file) && reply.status() == Status::pending;
    if (!interim) {
        asked_[link.id] -= asked_[link.id] > 0 ? 1 : 0;
    }
    const auto entry = open_.find(name);
    if (entry == open_.end()) {
        return;
    }
    Name& open = entry->second;
    open.touched = touched_ = true;
    Question& question = open.questions[link.id];
    if (interim) {
        Interim news = interim_of(link, name, reply);
        progressed_at_ = question.pace.moves(news, now) ? now : progressed_at_;
        question.why.clear();
        question.interim = std::move(news);
        return open.vote.handle_pending(link.id);
    }
    if (reply.lost() || reply.status() == Status::closing) {
        question.lost = true;
        question.why = reply.lost() ? "went before it told" : "is closing";
        return;
    }
    if (reply.status() == Status::busy || reply.status() == Status::io_error) {
        question.why = reply.status() == Status::busy ? "is busy" : "cannot read its disk";
        question.again_at = now + again_after_busy;
        return;
    }
    progressed_at_ = now;
    question.answered = true;
    if (!reply.is(protocol::ServerType::file)) {
        return reply.status() == Status::unreadable ? open.vote.handle_unreadable(link.id)
                                                    : open.vote.handle_has_not(link.id);
    }
    const integrity::FileId id{reply.message->fileSize, reply.message->digest};
    if (!id.possible() || integrity::is_unhashed(id)) {
        return open.vote.handle_has_not(link.id);
    }
    const bool complete = reply.message->held == integrity::Geometry(id.size).chunk_count();
    open.vote.handle_has(link.id, key_of(id), complete, now);
}

void PendingAsk::handle_link(ServerLink& link) {
    for (auto& [name, open] : open_) {
        for (auto at = open.questions.begin(); at != open.questions.end(); ++at) {
            if (at->second.lost && at->second.interim.host == link.host) {
                Question question = std::move(at->second);
                question.lost = false;
                open.vote.handle_gone(at->first);
                open.questions.erase(at);
                open.questions.emplace(link.id, std::move(question));
                ask(link, name, open);
                break;
            }
        }
    }
}

void PendingAsk::ask_again(const std::string& name, Name& open, TimePoint now) {
    for (auto& [source, question] : open.questions) {
        if (!question.again_at) {
            continue;
        }
        if (now < *question.again_at) {
            sooner(next_, question.again_at);
            continue;
        }
        question.again_at.reset();
        open.touched = true;
        if (ServerLink* link = servers_.usable(source)) {
            ask(*link, name, open);
        } else {
            question.lost = true;
        }
    }
}

// Whoever has not told keeps the name open, unless another host has it.
bool PendingAsk::look_decided(const std::string& name, Name& open, TimePoint now) {
    if (!open.touched && !(open.look_again_at && now >= *open.look_again_at)) {
        return false;
    }
    open.touched = false;
    open.look_again_at.reset();
    const swarm::VersionVote::Outcome outcome = open.vote.outcome(now);
    if (const auto* wait = std::get_if<swarm::VersionVote::Undecided>(&outcome)) {
        open.look_again_at = wait->until;
        return false;
    }
    const bool nobody = std::holds_alternative<swarm::VersionVote::Nobody>(outcome);
    const bool all_told = std::all_of(open.questions.begin(), open.questions.end(),
                                      [](const auto& entry) { return entry.second.answered; });
    if (nobody && !all_told) {
        return false;
    }
    settled_(name, outcome);
    return true;
}

void PendingAsk::drive(TimePoint now) {
    if (std::exchange(touched_, false) || (next_ && now >= *next_)) {
        look_at_open(now);
    }
    const auto has_room = [this](const Waiting& waiting) {
        return std::all_of(waiting.hosts.begin(), waiting.hosts.end(),
                           [this](SourceId host) { return asked_[host] < questions_per_link; });
    };
    while (!queue_.empty() && open_.size() < names_open_max && has_room(queue_.front())) {
        Waiting next = std::move(queue_.front());
        queue_.pop_front();
        begin(std::move(next), now);
    }
}

void PendingAsk::look_at_open(TimePoint now) {
    next_.reset();
    for (auto at = open_.begin(); at != open_.end();) {
        ask_again(at->first, at->second, now);
        if (look_decided(at->first, at->second, now)) {
            at = open_.erase(at);
            continue;
        }
        sooner(next_, at->second.look_again_at);
        ++at;
    }
}

std::optional<TimePoint> PendingAsk::next_timeout() const { return next_; }

// Of those that are being waited for, one that a host has said something of.
std::string PendingAsk::why() const {
    const Question* worst = nullptr;
    for (const auto& [name, open] : open_) {
        for (const auto& [source, question] : open.questions) {
            if (!question.answered &&
                (worst == nullptr || (question.interim.said && !worst->interim.said))) {
                worst = &question;
            }
        }
    }
    std::string text = worst == nullptr     ? ""
                       : worst->why.empty() ? text_of(worst->interim)
                                            : worst->interim.host + ' ' + worst->why;
    const std::size_t more = open_.size() + queue_.size();
    return more > 1 ? text + ", and " + std::to_string(more - 1) + " more wait" : text;
}

}  // namespace shoal::peer
