// The first half of a fetch: finding out what content is meant, and who has it.
#include <algorithm>

#include "peer/fetch.hpp"
#include "peer/versions.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr Duration decide_after = 300ms;  // from the first host that has it
constexpr Duration list_after = 1s;       // from the first complete listing, for more hosts
constexpr Duration suggest_max = 1s;
constexpr std::size_t names_max = 1'000'000;
constexpr std::size_t suggestions_from = 5'000;
constexpr std::size_t suggestions_max = 3;
constexpr std::size_t votes_told_max = 10;      // of a folder's files; the rest is counted
constexpr std::size_t others_kept_max = 1'000;  // files of which other versions are remembered

}  // namespace

void Fetch::handle_link(ServerLink& link, TimePoint now) {
    if (phase_ == Phase::asking) {
        ask(link, now);
    }
}

void Fetch::handle_link_lost(ServerLink& link, TimePoint) {
    if (phase_ == Phase::asking && vote_) {
        vote_->handle_gone(link.id);
    }
}

void Fetch::look_connected(TimePoint now) {
    const std::size_t usable = engine_.servers.usable().size();
    const std::size_t wanted = std::max(1U, command_.order.wait_hosts);
    if (usable >= wanted) {
        return begin_asking(now);
    }
    if (engine_.settled() && usable == 0 && command_.order.wait_hosts == 0) {
        if (!engine_.not_let_in.empty()) {
            return give_up(Outcome::not_let_in,
                           "not let in: " + engine_.not_let_in.begin()->to_string() +
                               " and this host do not share a secret (--secret-file)",
                           now);
        }
        const bool lonely = engine_.table.empty();
        return give_up(Outcome::no_host,
                       lonely ? "no host to ask: add some to " + engine_.wiring.options.hosts_file
                              : "no host could be reached: is a peer running on those in " +
                                    engine_.wiring.options.hosts_file + "?",
                       now);
    }
    if (now - began_at_ >= command_.order.timeout) {
        give_up(Outcome::no_host,
                "connected to " + std::to_string(usable) + " of " + std::to_string(wanted) +
                    " hosts in time",
                now);
    }
}

void Fetch::begin_asking(TimePoint now) {
    phase_ = Phase::asking;
    phase_began_at_ = now;
    asked_at_ = now;
    look_again_at_ = now + command_.order.timeout;
    if (folder_) {
        listing_ = std::make_unique<Listing>(engine_.servers, name_, names_max);
    } else {
        vote_.emplace(command_.order.root_prefix, now);
    }
    for (ServerLink* link : engine_.servers.usable()) {
        ask(*link, now);
    }
}

void Fetch::ask(ServerLink& link, TimePoint) {
    if (folder_) {
        return listing_->ask(link);
    }
    vote_->handle_asked(link.id);
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::query);
    question.set_path(name_);
    link.ask(question, this, [this](ServerLink& from, const Reply& reply, TimePoint when) {
        handle_answer(from, reply, when);
    });
}

void Fetch::handle_answer(ServerLink& link, const Reply& reply, TimePoint now) {
    if (phase_ != Phase::asking || !vote_) {
        return;
    }
    if (reply.lost()) {
        return vote_->handle_gone(link.id);
    }
    if (reply.status() == protocol::Status::closing || reply.status() == protocol::Status::busy ||
        reply.status() == protocol::Status::io_error) {
        return vote_->handle_gone(link.id);  // that says nothing about the file
    }
    if (!reply.is(protocol::ServerType::file)) {
        return reply.status() == protocol::Status::unreadable ? vote_->handle_unreadable(link.id)
                                                              : vote_->handle_has_not(link.id);
    }
    if (reply.status() == protocol::Status::pending) {
        return vote_->handle_pending(link.id);
    }
    const integrity::FileId id{reply.message->fileSize, reply.message->digest};
    if (!id.possible()) {
        return vote_->handle_has_not(link.id);  // a lie, or a file that cannot be had
    }
    if (!first_answer_at_) {
        first_answer_at_ = now;
    }
    const bool complete = reply.message->held == integrity::Geometry(id.size).chunk_count();
    vote_->handle_has(link.id, key_of(id), complete, now);
}

void Fetch::look_decided(TimePoint now) {
    const swarm::VersionVote::Outcome outcome = vote_->outcome(now);
    const TimePoint end = phase_began_at_ + command_.order.timeout;
    if (const auto* open = std::get_if<swarm::VersionVote::Undecided>(&outcome)) {
        look_again_at_ = std::min(open->until.value_or(end), end);
        if (now >= end) {
            give_up(Outcome::incomplete, "the hosts did not answer in time", now);
        }
        return;
    }
    // Hosts that are being dialled may know better; they get a moment.
    look_again_at_ = first_answer_at_ ? std::min(*first_answer_at_ + decide_after, end) : end;
    if (!engine_.settled() && now < look_again_at_) {
        return;
    }
    if (const auto* nobody = std::get_if<swarm::VersionVote::Nobody>(&outcome)) {
        return decide_nobody(*nobody, now);
    }
    if (const auto* tie = std::get_if<swarm::VersionVote::Tie>(&outcome)) {
        return decide_tie(*tie, now);
    }
    const swarm::Version& version = std::get<swarm::VersionVote::Winner>(outcome).version;
    std::vector<SourceId> holders = version.complete;
    files_.push_back({*store::SafePath::parse(name_), id_of(version.key), std::move(holders)});
    if (command_.order.root_prefix.empty()) {
        std::vector<swarm::Version> versions = vote_->versions();
        std::stable_partition(versions.begin(), versions.end(),
                              [&](const auto& one) { return one.key == version.key; });
        tell_vote(describe(versions));
    }
    begin(now);
}

void Fetch::decide_nobody(const swarm::VersionVote::Nobody& nobody, TimePoint now) {
    if (nobody.answered == 0 && nobody.unreadable == 0 && !nobody.other_versions) {
        return give_up(Outcome::no_host, "no host answered", now);
    }
    if (nobody.unreadable > 0) {
        return give_up(Outcome::failed, "the hosts that have '" + name_ + "' may not read it", now);
    }
    if (nobody.other_versions) {
        done_.versions = describe(vote_->versions());
        return give_up(Outcome::not_found,
                       "no server has '" + name_ + "' with a root that begins with " +
                           command_.order.root_prefix,
                       now);
    }
    begin_suggesting(now);
}

void Fetch::decide_tie(const swarm::VersionVote::Tie& tie, TimePoint now) {
    done_.versions = describe(tie.versions);
    give_up(Outcome::versions_differ,
            "hosts hold different files called '" + name_ + "'; choose one with NAME@ROOT", now);
}

VersionInfo Fetch::describe(const swarm::ContentKey& key, const std::vector<SourceId>& complete,
                            const std::vector<SourceId>& partial) {
    const auto hosts = [this](const std::vector<SourceId>& sources) {
        std::vector<std::string> names;
        for (const SourceId source : sources) {
            if (const ServerLink* link = engine_.servers.find(source)) {
                names.push_back(link->host);
            }
        }
        return names;
    };
    return {key.size, text::hex(key.root), hosts(complete), hosts(partial)};
}

std::vector<VersionInfo> Fetch::describe(const std::vector<swarm::Version>& versions) {
    std::vector<VersionInfo> list;
    for (const swarm::Version& version : versions) {
        list.push_back(describe(version.key, version.complete, version.partial));
    }
    return list;
}

// Of the file that was added last: the content that is taken, then the others.
void Fetch::tell_vote(std::vector<VersionInfo> versions) {
    if (versions.size() < 2) {
        return;
    }
    const std::size_t index = files_.size() - 1;
    const std::string& name = files_[index].name.text();
    const std::vector<VersionInfo> others(versions.begin() + 1, versions.end());
    if (++votes_ <= votes_told_max) {
        const std::string text = vote_text(name, versions.front(), others);
        deliver(FetchNote{id(), FetchNote::Kind::versions, name, {}, text, std::move(versions)});
    }
    if (others_.size() < others_kept_max) {
        others_[index] = others;
    }
}

// What was sent of the chosen ones does not verify: whoever hid the others lied.
void Fetch::offer_other_versions() {
    for (const std::size_t index : std::exchange(unverified_, {})) {
        if (const auto others = others_.extract(index); !others.empty()) {
            const std::string& name = files_[index].name.text();
            deliver(FetchNote{id(),
                              FetchNote::Kind::versions,
                              name,
                              {},
                              "what was sent does not verify; of other versions " +
                                  choices_text(name, others.mapped()),
                              others.mapped()});
        }
    }
}

// Folders --------------------------------------------------------------------------------------

void Fetch::look_listed(TimePoint now) {
    const TimePoint end = phase_began_at_ + command_.order.timeout;
    look_again_at_ = end;
    if (!listing_->done()) {
        if (now >= end) {
            give_up(Outcome::incomplete, "the hosts did not tell what they have in time", now);
        }
        return;
    }
    if (!first_answer_at_ && !listing_->names().empty()) {
        first_answer_at_ = now;
    }
    look_again_at_ = first_answer_at_ ? std::min(*first_answer_at_ + list_after, end) : end;
    if (!engine_.settled() && now < look_again_at_) {
        return;
    }
    if (listing_->names().empty()) {
        return listing_->answered() == 0 ? give_up(Outcome::no_host, "no host answered", now)
                                         : begin_suggesting(now);
    }
    bool tie = false;
    for (const auto& [name, versions] : listing_->names()) {
        tie |= !plan_name(name, versions);
    }
    listing_.reset();
    done_.saved_as = engine_.wiring.options.downloads + '/' + name_;
    if (tie) {
        done_.outcome = Outcome::versions_differ;
        done_.text = "hosts hold different files of one name: left out, choose with NAME@ROOT";
    }
    if (votes_ > votes_told_max) {
        deliver(FetchNote{id(),
                          FetchNote::Kind::versions,
                          name_,
                          {},
                          "of " + std::to_string(votes_ - votes_told_max) +
                              " more files hosts hold other versions, too",
                          {}});
    }
    begin(now);
}

// False when hosts do not agree on what that name is.
bool Fetch::plan_name(const std::string& name, const Listing::Versions& versions) {
    std::vector<swarm::Candidate> candidates;
    std::vector<VersionInfo> described;
    for (const auto& [file, holders] : versions) {
        candidates.push_back({key_of(file), holders.complete.size(), holders.partial.size(), 0, 0});
        described.push_back(describe(key_of(file), holders.complete, holders.partial));
    }
    const std::vector<std::size_t> leaders = swarm::most_held(candidates);
    if (leaders.size() != 1) {
        std::vector<VersionInfo> tied;
        for (const std::size_t place : leaders) {
            tied.push_back(described[place]);
        }
        deliver(FetchNote{id(),
                          FetchNote::Kind::file_failed,
                          name,
                          {},
                          "hosts hold different files called '" + name +
                              "', it is left out: " + choices_text(name, tied),
                          tied});
        return false;
    }
    const auto best = std::next(versions.begin(), static_cast<std::ptrdiff_t>(leaders.front()));
    files_.push_back({*store::SafePath::parse(name), best->first, best->second.complete});
    std::rotate(described.begin(), described.begin() + std::distance(versions.begin(), best),
                described.begin() + std::distance(versions.begin(), best) + 1);
    tell_vote(std::move(described));
    return true;
}

// Suggestions ----------------------------------------------------------------------------------

void Fetch::begin_suggesting(TimePoint now) {
    if (const auto here = engine_.wiring.catalog->find(name_);
        here.state == store::Holding::State::complete &&
        here.file->id.root.hex().starts_with(command_.order.root_prefix)) {
        done_.already_here = true;
        done_.size = here.file->id.size;
        done_.root = here.file->id.root.hex();
        const auto& options = engine_.wiring.options;
        const bool shared = here.file->where == store::Where::shared;
        done_.saved_as = (shared ? options.shared : options.downloads) + '/' + name_;
        return finish(now);
    }
    phase_ = Phase::suggesting;
    phase_began_at_ = now;
    listing_ = std::make_unique<Listing>(engine_.servers, std::string(), suggestions_from);
    for (ServerLink* link : engine_.servers.usable()) {
        listing_->ask(*link);
    }
}

void Fetch::look_suggested(TimePoint now) {
    if (!listing_->done() && now - phase_began_at_ < suggest_max) {
        return;
    }
    std::vector<std::string> names;
    for (const auto& [name, versions] : listing_->names()) {
        names.push_back(name);
    }
    done_.near = swarm::near_names(name_, names, suggestions_max);
    listing_.reset();
    give_up(Outcome::not_found, "No server has '" + name_ + "'", now);
}

}  // namespace shoal::peer
