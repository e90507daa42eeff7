// The first half of a fetch: finding out what content is meant, and who has it.
#include <algorithm>

#include "peer/fetch.hpp"
#include "peer/versions.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/unhashed.hpp"

namespace shoal::peer {

namespace {

constexpr Duration decide_after = 300ms;  // from the first host that has it
constexpr Duration list_after = 1s;       // from the first complete listing, for more hosts
constexpr Duration suggest_max = 1s;
constexpr Duration silence_max = 2s;  // of all who list a folder; then what is known begins
constexpr Duration again_after_busy = 500ms;
constexpr std::size_t names_max = 1'000'000;
constexpr std::size_t suggestions_from = 5'000;
constexpr std::size_t suggestions_max = 3;
constexpr std::size_t votes_told_max = 10;      // of a folder's files; the rest is counted
constexpr std::size_t others_kept_max = 1'000;  // files of which other versions are remembered

}  // namespace

void Fetch::handle_link(ServerLink& link, TimePoint now) {
    if (phase_ == Phase::asking) {
        ask(link, now);
    } else if (phase_ == Phase::running && !gathered()) {
        listing_->ask(link, now);
        pending_->handle_link(link);
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
        return give_up(engine_.why_nobody(), now);
    }
    if (now - began_at_ >= command_.order.timeout) {
        Nobody nobody = engine_.why_nobody();
        nobody.text = "connected to " + std::to_string(usable) + " of " + std::to_string(wanted) +
                      " hosts in time; " + nobody.text;
        give_up(nobody, now);
    }
}

void Fetch::begin_asking(TimePoint now) {
    phase_ = Phase::asking;
    phase_began_at_ = now;
    asked_at_ = now;
    look_again_at_ = now + command_.order.timeout;
    if (folder_) {
        listing_ = std::make_unique<Listing>(engine_.servers, name_, names_max,
                                             Listing::Patience::until_told);
        pending_ = std::make_unique<PendingAsk>(
            engine_.servers,
            [this](const std::string& name, const swarm::VersionVote::Outcome& outcome) {
                settle_pending(name, outcome);
            });
    } else {
        vote_.emplace(command_.order.root_prefix, now, command_.order.timeout);
    }
    for (ServerLink* link : engine_.servers.usable()) {
        ask(*link, now);
    }
}

void Fetch::ask(ServerLink& link, TimePoint now) {
    if (folder_) {
        return listing_->ask(link, now);
    }
    if (!picked_.empty() && !is_picked(link)) {
        return;
    }
    // What it did not tell on an earlier link counts no longer.
    std::erase_if(asked_,
                  [&](const auto& entry) { return entry.second.interim.host == link.host; });
    asked_[link.id].interim = {link.host, asked_name(), 0, 0, false, false};
    put_question(link);
}

void Fetch::put_question(ServerLink& link) {
    vote_->handle_asked(link.id);
    link.ask(query_of(asked_name()), this,
             [this](ServerLink& from, const Reply& reply, TimePoint when) {
                 handle_answer(from, reply, when);
             });
}

void Fetch::handle_answer(ServerLink& link, const Reply& reply, TimePoint now) {
    if (phase_ != Phase::asking || !vote_) {
        return;
    }
    using protocol::Status;
    Asked& asked = asked_[link.id];
    const bool file = reply.is(protocol::ServerType::file);
    if (!reply.lost() && reply.status() == Status::busy) {
        asked.again_at = now + again_after_busy;
        return;
    }
    // A name that a server takes for a bad one is none of its files. All but these says nothing.
    if (reply.lost() ||
        (!file && reply.status() != Status::not_found && reply.status() != Status::bad_request &&
         reply.status() != Status::unreadable)) {
        asked.why = reply.lost()
                        ? "went before it answered"
                        : "did not tell whether it has the file: " + refusal_text(reply.status());
        return vote_->handle_gone(link.id);
    }
    if (reply.is(protocol::ServerType::file) && reply.status() == Status::pending) {
        Interim news = interim_of(link, asked_name(), reply);
        asking_moved_at_ = paces_[link.host].moves(news, now) ? now : asking_moved_at_;
        asked.interim = std::move(news);
        return vote_->handle_pending(link.id);
    }
    asked.told = true;
    if (!reply.is(protocol::ServerType::file)) {
        return reply.status() == Status::unreadable ? vote_->handle_unreadable(link.id)
                                                    : vote_->handle_has_not(link.id);
    }
    const integrity::FileId id{reply.message->fileSize, reply.message->digest};
    if (!id.possible() || integrity::is_unhashed(id)) {
        return vote_->handle_has_not(link.id);  // a lie, or a file that cannot be had
    }
    if (!first_answer_at_) {
        first_answer_at_ = now;
    }
    const bool complete = reply.message->held == integrity::Geometry(id.size).chunk_count();
    vote_->handle_has(link.id, key_of(id), complete, now);
}

// Whoever was busy is asked again; the time when the next one is.
std::optional<TimePoint> Fetch::ask_busy_again(TimePoint now) {
    std::optional<TimePoint> next;
    for (auto& [source, asked] : asked_) {
        if (asked.again_at && now >= *asked.again_at) {
            asked.again_at.reset();
            if (ServerLink* link = engine_.servers.usable(source)) {
                put_question(*link);
            }
        } else if (asked.again_at) {
            sooner(next, asked.again_at);
        }
    }
    return next;
}

// A host of hosts.txt that has not been asked, and is not absent; null: there is none. Of what a
// search has found only the hosts picked count.
const Unasked* Fetch::unasked() const {
    if (!picked_.empty()) {
        return nullptr;
    }
    const auto asked = [this](const Unasked& host) {
        return listing_ ? listing_->has_asked(host.host)
                        : std::any_of(asked_.begin(), asked_.end(), [&host](const auto& entry) {
                              return entry.second.interim.host == host.host;
                          });
    };
    const Unasked* found = nullptr;
    for (const Unasked& host : engine_.unasked) {
        if (!asked(host) && (found == nullptr || (host.slow && !found->slow))) {
            found = &host;
        }
    }
    return found;
}

// Somebody may yet be asked who is not absent.
bool Fetch::awaits_hosts() const {
    const Unasked* host = unasked();
    return host != nullptr && host->slow;
}

// The words for a host that has not told whether it has the file; "": all have.
std::string Fetch::untold() const {
    const Asked* found = nullptr;
    for (const auto& [source, asked] : asked_) {
        if (!asked.told && (found == nullptr || asked.interim.said)) {
            found = &asked;
        }
    }
    if (found == nullptr) {
        const Unasked* host = unasked();
        return host == nullptr ? std::string() : host->host + ": " + host->why;
    }
    return found->why.empty() ? text_of(found->interim) : found->interim.host + ' ' + found->why;
}

void Fetch::look_decided(TimePoint now) {
    const std::optional<TimePoint> again = ask_busy_again(now);
    const swarm::VersionVote::Outcome outcome = vote_->outcome(now);
    const TimePoint end = std::max(phase_began_at_, asking_moved_at_) + command_.order.timeout;
    if (const auto* open = std::get_if<swarm::VersionVote::Undecided>(&outcome)) {
        look_again_at_ = std::min({open->until.value_or(end), again.value_or(end), end});
        if (now >= end) {
            give_up(Outcome::incomplete, untold(), now);
        }
        return;
    }
    // Hosts that are being dialled may know better; they get a moment.
    look_again_at_ = first_answer_at_ ? std::min(*first_answer_at_ + decide_after, end) : end;
    if (!engine_.settled() && now < look_again_at_) {
        return;
    }
    if (const auto* nobody = std::get_if<swarm::VersionVote::Nobody>(&outcome)) {
        if (awaits_hosts() && now < end && !is_here()) {
            look_again_at_ = end;
            return;
        }
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
    const std::string missing = untold();
    if (!missing.empty() && !is_here()) {
        return give_up(Outcome::incomplete, missing + "; nobody else has '" + name_ + "'", now);
    }
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

// Hosts that are silent are not waited for once others have told; what they tell later joins.
void Fetch::look_listed(TimePoint now) {
    listing_->drive(now);
    const TimePoint end =
        std::max(phase_began_at_, listing_->progressed_at()) + command_.order.timeout;
    const bool late = now >= end;
    const bool nothing = listing_->names().empty();
    const auto quiet = listing_->quiet_at(silence_max);
    if (!late && ((quiet && now < *quiet) || (nothing && !listing_->done()))) {
        look_again_at_ = std::min(
            {end, quiet && now < *quiet ? *quiet : end, listing_->next_timeout().value_or(end)});
        return;
    }
    if (!first_answer_at_ && !nothing) {
        first_answer_at_ = now;
    }
    look_again_at_ = first_answer_at_ ? std::min(*first_answer_at_ + list_after, end) : end;
    if ((!engine_.settled() && now < look_again_at_) || (nothing && awaits_hosts() && !late)) {
        look_again_at_ = nothing ? end : look_again_at_;
        return;
    }
    if (nothing) {
        if (const std::string missing = missing_words(); !missing.empty()) {
            return give_up(Outcome::incomplete, missing, now);
        }
        return listing_->answered() == 0 ? give_up(Outcome::no_host, "no host answered", now)
                                         : begin_suggesting(now);
    }
    done_.files = 0;
    take_names();
    done_.saved_as = engine_.wiring.options.downloads + '/' + name_;
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

// What the listings have brought since the last time.
void Fetch::take_names() {
    for (const Listing::Names::iterator entry : listing_->take_new()) {
        const auto& [name, told] = *entry;
        if (told.versions.empty()) {
            pending_sizes_[name] = told.pending_size;
            done_.size += told.pending_size;
            ++done_.files;
            pending_->add(name, told.pending);
        } else {
            take_versions(name, told.versions);
        }
    }
}

void Fetch::take_versions(const std::string& name, const Listing::Versions& versions) {
    if (plan_name(name, versions)) {
        done_.size += files_.back().id.size;
        ++done_.files;
    } else {
        note_worst(Outcome::versions_differ,
                   "hosts hold different files of one name: left out, choose with NAME@ROOT");
    }
}

// The hosts that had it pending know its root now, or nobody has it any more.
void Fetch::settle_pending(const std::string& name, const swarm::VersionVote::Outcome& outcome) {
    done_.size -= pending_sizes_.at(name);
    --done_.files;
    pending_sizes_.erase(name);
    moved_ = true;
    Listing::Versions versions;
    const auto take = [&](const swarm::Version& version) {
        versions[id_of(version.key)] = {version.complete, version.partial};
    };
    if (const auto* winner = std::get_if<swarm::VersionVote::Winner>(&outcome)) {
        take(winner->version);
    } else if (const auto* tie = std::get_if<swarm::VersionVote::Tie>(&outcome)) {
        std::for_each(tie->versions.begin(), tie->versions.end(), take);
    } else if (const auto* nobody = std::get_if<swarm::VersionVote::Nobody>(&outcome);
               nobody != nullptr && nobody->unreadable > 0) {
        const std::string why = "the hosts that have it may not read it";
        deliver(FetchNote{id(), FetchNote::Kind::file_failed, name, {}, why, {}});
        note_worst(Outcome::failed, why);
    }
    if (!versions.empty()) {
        take_versions(name, versions);
    }
}

// While files are under way: what other hosts tell joins.
void Fetch::gather(TimePoint now) {
    if (!listing_) {
        return;
    }
    listing_->drive(now);
    take_names();
    pending_->drive(now);
    const TimePoint moved = std::max(listing_->progressed_at(), pending_->progressed_at());
    if (moved > progressed_at_) {
        progressed_at_ = moved;
        told_waiting_ = false;
    }
}

bool Fetch::gathered() const {
    return !listing_ || (listing_->done() && pending_->done() && !awaits_hosts());
}

std::string Fetch::missing_words() const {
    if (!listing_) {
        return {};
    }
    if (!pending_->done()) {
        return pending_->why();
    }
    if (listing_->truncated()) {
        return "there are more files beneath '" + name_ +
               "' than are taken at a time; get its subfolders one by one";
    }
    std::string words;
    for (const ListGap& gap : listing_->gaps()) {
        words += (words.empty() ? "" : "; ") + gap.host + ": " + gap.why;
    }
    const std::string unasked =
        engine_.unasked_text([this](const std::string& host) { return listing_->has_asked(host); });
    return words + (words.empty() || unasked.empty() ? "" : "; ") + unasked;
}

// False when hosts do not agree on what that name is.
bool Fetch::plan_name(const std::string& name, const Listing::Versions& versions) {
    if (versions.size() == 1) {  // nothing to choose between, nothing to tell
        const auto& [file, holders] = *versions.begin();
        files_.push_back({*store::SafePath::parse(name), file, holders.complete});
        return true;
    }
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
    std::vector<Version> others;
    for (auto other = versions.begin(); other != versions.end(); ++other) {
        if (other != best && !other->second.complete.empty()) {
            others.push_back({other->first, other->second.complete});
        }
    }
    std::stable_sort(others.begin(), others.end(), [](const Version& left, const Version& right) {
        return left.holders.size() > right.holders.size();
    });
    files_.push_back(
        {*store::SafePath::parse(name), best->first, best->second.complete, std::move(others)});
    std::rotate(described.begin(), described.begin() + std::distance(versions.begin(), best),
                described.begin() + std::distance(versions.begin(), best) + 1);
    tell_vote(std::move(described));
    return true;
}

// Suggestions ----------------------------------------------------------------------------------

bool Fetch::is_here() const {
    const auto here = engine_.wiring.catalog->find(name_);
    return here.file && here.file->id.root.hex().starts_with(command_.order.root_prefix);
}

void Fetch::begin_suggesting(TimePoint now) {
    if (is_here()) {
        const auto here = engine_.wiring.catalog->find(name_);
        done_.size = here.file->id.size;
        done_.root = here.file->id.root.hex();
        const auto kept = keep_here(*here.file);
        if (!kept || kept->outcome != Outcome::done) {
            return give_up(Outcome::failed, kept ? kept->text : "'" + name_ + "' has just gone",
                           now);
        }
        done_.already_here = true;
        done_.saved_as = kept->saved_as;
        return finish(now);
    }
    phase_ = Phase::suggesting;
    phase_began_at_ = now;
    listing_ = std::make_unique<Listing>(engine_.servers, std::string(), suggestions_from,
                                         Listing::Patience::as_it_is);
    for (ServerLink* link : engine_.servers.usable()) {
        listing_->ask(*link, now);
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
