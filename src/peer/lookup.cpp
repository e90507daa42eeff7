#include "peer/lookup.hpp"

#include <algorithm>

#include "peer/versions.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr Duration silence_max = 1s;   // then a host counts as gone
constexpr Duration connect_max = 1s;   // for hosts that are being dialled
constexpr Duration hashing_max = 60s;  // here or there
constexpr SourceId this_host{0};

}  // namespace

Lookup::Lookup(Engine& engine, store::SafePath name, std::string root_prefix, TimePoint now)
    : engine_(engine),
      name_(std::move(name)),
      root_prefix_(std::move(root_prefix)),
      began_at_(now),
      look_again_at_(now) {}

void Lookup::drive(TimePoint now) {
    if (!over_ && !asking_ && !hashing_) {
        look_here(now);
    }
    if (!over_ && asking_) {
        look_decided(now);
    }
    if (!over_ && now - began_at_ >= hashing_max) {
        finish(Error{ErrorKind::busy, "'" + name_.text() + "' is still being hashed; try again"});
    }
}

void Lookup::finish(const Result<Meaning>& result) {
    over_ = true;
    engine_.servers.forget(this);
    for (const Understood& understood : std::exchange(waiting_, {})) {
        understood(result);
    }
}

// What is here --------------------------------------------------------------------------------

bool Lookup::matches(const store::Holding& holding) const {
    return holding.state == store::Holding::State::complete &&
           holding.file->id.root.hex().starts_with(root_prefix_);
}

bool Lookup::wait_for_hash(const store::Holding& holding) {
    if (holding.state != store::Holding::State::pending) {
        return false;
    }
    hashing_ = true;
    look_again_at_ = began_at_ + hashing_max;
    engine_.wiring.keeper.post(HashFirst{name_.text()});
    return true;
}

void Lookup::handle_name_settled(const std::string& name) {
    hashing_ = hashing_ && name != name_.text();
}

void Lookup::look_here(TimePoint now) {
    const store::Catalog& catalog = *engine_.wiring.catalog;
    const store::Holding shared = catalog.find_in(store::Where::shared, name_.text());
    if (wait_for_hash(shared) ||
        wait_for_hash(catalog.find_in(store::Where::downloads, name_.text()))) {
        return;
    }
    if (matches(shared)) {
        Meaning meaning{
            false, shared.file->id, shared.file->stamp.mtime_ns / 1'000'000'000, {}, true, true};
        return finish(meaning);
    }
    if (shared.state == store::Holding::State::unreadable) {
        return finish(
            Error{ErrorKind::forbidden,
                  "'" + name_.text() + "' may not be read by the program that shares it"});
    }
    if (root_prefix_.empty() && catalog.has_folder(name_.text())) {
        return finish(Meaning{true, {}, {}, {}, true, catalog.is_subfolder(name_.text())});
    }
    begin_asking(now);
}

// What others have ----------------------------------------------------------------------------

void Lookup::begin_asking(TimePoint now) {
    asking_ = true;
    vote_.emplace(root_prefix_, now);
    const store::Holding own =
        engine_.wiring.catalog->find_in(store::Where::downloads, name_.text());
    if (own.state == store::Holding::State::complete &&
        !engine_.wiring.cache.with(
            [&](const CacheBook& book) { return book.holds(name_.text(), own.file->id); })) {
        vote_->handle_has(this_host, key_of(own.file->id), true, now);
        mtimes_[key_of(own.file->id)] = own.file->stamp.mtime_ns / 1'000'000'000;
    }
    for (ServerLink* link : engine_.servers.usable()) {
        ask(*link);
    }
}

void Lookup::handle_link(ServerLink& link) {
    if (asking_ && !over_) {
        ask(link);
    }
}

void Lookup::handle_link_lost(ServerLink& link) {
    if (vote_ && asked_.contains(link.id)) {
        asked_[link.id] = true;
        vote_->handle_gone(link.id);
    }
}

void Lookup::ask(ServerLink& link) {
    vote_->handle_asked(link.id);
    asked_[link.id] = false;
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::query);
    question.set_path(name_.text());
    link.ask(question, this, [this](ServerLink& from, const Reply& reply, TimePoint now) {
        handle_answer(from, reply, now);
    });
    const std::string prefix = name_.text() + '/';
    if (!root_prefix_.empty() || prefix.size() > limits::path_max) {
        return;
    }
    question.type = static_cast<std::uint16_t>(protocol::ClientType::list);
    question.set_path(prefix);
    question.prefixLength = static_cast<std::uint16_t>(prefix.size());
    ++folder_answers_due_;
    link.ask(question, this, [this](ServerLink&, const Reply& reply, TimePoint) {
        --folder_answers_due_;
        folder_ |= reply.is(protocol::ServerType::listing) && reply.message->count > 0;
    });
}

void Lookup::handle_answer(ServerLink& link, const Reply& reply, TimePoint now) {
    if (reply.lost() || reply.status() == protocol::Status::closing ||
        reply.status() == protocol::Status::busy || reply.status() == protocol::Status::io_error) {
        asked_[link.id] = true;
        return vote_->handle_gone(link.id);
    }
    asked_[link.id] = true;
    if (reply.is(protocol::ServerType::file) && reply.status() == protocol::Status::pending) {
        return vote_->handle_pending(link.id);
    }
    if (!reply.is(protocol::ServerType::file)) {
        return reply.status() == protocol::Status::unreadable ? vote_->handle_unreadable(link.id)
                                                              : vote_->handle_has_not(link.id);
    }
    const integrity::FileId id{reply.message->fileSize, reply.message->digest};
    if (!id.possible()) {
        return vote_->handle_has_not(link.id);
    }
    const bool complete = reply.message->held == integrity::Geometry(id.size).chunk_count();
    if (complete) {
        const auto mtime = static_cast<std::int64_t>(reply.message->first);
        const auto [known, fresh] = mtimes_.try_emplace(key_of(id), mtime);
        known->second = std::min(known->second, mtime);
    }
    vote_->handle_has(link.id, key_of(id), complete, now);
}

void Lookup::look_decided(TimePoint now) {
    const bool late = now - began_at_ >= silence_max;
    for (auto& [source, answered] : asked_) {
        if (late && !answered) {
            answered = true;
            vote_->handle_gone(source);
        }
    }
    look_again_at_ =
        now < began_at_ + silence_max ? began_at_ + silence_max : began_at_ + hashing_max;
    const swarm::VersionVote::Outcome outcome = vote_->outcome(now);
    if (const auto* open = std::get_if<swarm::VersionVote::Undecided>(&outcome)) {
        look_again_at_ = std::min(look_again_at_, open->until.value_or(look_again_at_));
        return;
    }
    if (const auto* winner = std::get_if<swarm::VersionVote::Winner>(&outcome)) {
        return decide(winner->version);
    }
    if (const auto* tie = std::get_if<swarm::VersionVote::Tie>(&outcome)) {
        std::vector<swarm::Candidate> equals;
        for (const swarm::Version& version : tie->versions) {
            equals.push_back({version.key, version.complete.size(), version.partial.size(), 0,
                              mtime_of(version.key)});
        }
        return decide(tie->versions[*swarm::settled(equals)]);
    }
    // Nobody has the file. It may be a folder; and hosts that are being dialled may have it.
    const bool connecting = !engine_.settled() && now - began_at_ < connect_max;
    if (folder_ || (!connecting && (folder_answers_due_ == 0 || late))) {
        decide_nobody(std::get<swarm::VersionVote::Nobody>(outcome));
    }
}

std::int64_t Lookup::mtime_of(const swarm::ContentKey& key) const {
    const auto found = mtimes_.find(key);
    return found == mtimes_.end() ? 0 : found->second;
}

void Lookup::decide(const swarm::Version& version) {
    Meaning meaning;
    meaning.id = id_of(version.key);
    if (const std::int64_t mtime = mtime_of(version.key); mtime != 0) {
        meaning.mtime = mtime;
    }
    meaning.holders = version.complete;
    std::erase(meaning.holders, this_host);
    meaning.here =
        engine_.wiring.catalog->find(meaning.id).state == store::Holding::State::complete;
    finish(meaning);
}

void Lookup::decide_nobody(const swarm::VersionVote::Nobody& nobody) {
    if (folder_) {
        return finish(Meaning{true, {}, {}, {}, false, false});
    }
    const store::Holding own =
        engine_.wiring.catalog->find_in(store::Where::downloads, name_.text());
    if (matches(own)) {
        return finish(Meaning{
            false, own.file->id, own.file->stamp.mtime_ns / 1'000'000'000, {}, true, false});
    }
    if (nobody.unreadable > 0) {
        return finish(Error{ErrorKind::forbidden,
                            "the hosts that have '" + name_.text() + "' may not read it"});
    }
    finish(Error{ErrorKind::not_found, "no host has '" + name_.text() + "'"});
}

}  // namespace shoal::peer
