#include "peer/lookup.hpp"

#include <algorithm>

#include "peer/listing_walk.hpp"
#include "peer/versions.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/unhashed.hpp"

namespace shoal::peer {

namespace {

constexpr Duration silence_max = 1s;  // then what a host told before shows what there is
constexpr Duration ask_again_after = 500ms;
constexpr SourceId this_host{0};

std::string folder_prefix(const store::SafePath& name) {
    const std::string folder(name.folder());
    return folder.empty() ? folder : folder + '/';
}

// What another host says so is its last word for now; it may have the name all the same.
bool is_no_word(const Reply& reply) {
    return reply.lost() || reply.status() == protocol::Status::closing ||
           reply.status() == protocol::Status::busy ||
           reply.status() == protocol::Status::io_error ||
           reply.status() == protocol::Status::changed;
}

}  // namespace

Lookup::Lookup(Engine& engine, Told& told, LookupOrder order, TimePoint now)
    : engine_(engine), told_(told), order_(std::move(order)), began_at_(now), look_again_at_(now) {}

void Lookup::drive(TimePoint now) {
    if (!over_ && !hashing_) {
        look_here(now);
    }
    if (!over_ && asking_ && !hashing_) {  // it may have come here meanwhile
        look_decided(now);
    }
    if (!over_ && hashing_ && now - began_at_ >= doubt_wait_max) {
        finish(Error{ErrorKind::unknown, "'" + name() + "' is still being hashed; try again"});
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
           holding.file->id.root.hex().starts_with(order_.root_prefix);
}

bool Lookup::is_pending(const store::Holding& holding) {
    if (holding.state != store::Holding::State::pending) {
        return false;
    }
    hashing_ = true;
    look_again_at_ = began_at_ + doubt_wait_max;
    engine_.wiring.keeper.post(HashFirst{name()});
    return true;
}

void Lookup::handle_name_settled(const std::string& settled) {
    if (settled == name()) {
        hashing_ = false;
        looked_on_disk_ = true;
    }
}

void Lookup::look_here(TimePoint now) {
    const Offers offers = engine_.wiring.offers();
    const store::Holding shared = offers.find_in(store::Where::shared, name());
    if (shared.state == store::Holding::State::pending && !order_.hashed) {
        const store::PendingFile& file = shared.pending;
        return finish(Meaning{false, {file.size, {}}, false, file.mtime_s, {}, true, true});
    }
    if (is_pending(shared) || is_pending(offers.find_in(store::Where::downloads, name()))) {
        return;
    }
    if (matches(shared)) {
        return finish(
            Meaning{false, shared.file->id, true, shared.file->stamp.mtime_s(), {}, true, true});
    }
    if (shared.state == store::Holding::State::unreadable) {
        return finish(Error{ErrorKind::forbidden,
                            "'" + name() + "' may not be read by the program that shares it"});
    }
    const auto own_folder = offers.catalog().folder_mtime(name());
    const auto fetched = offers.newest_fetched_below(name() + '/');
    const bool unseen = !offers.catalog().unseen_below(name() + '/').empty();
    if (order_.root_prefix.empty() && (own_folder || fetched || unseen)) {
        const auto time = folder_time(own_folder.value_or(0), fetched.value_or(0), told_below(now));
        return finish(Meaning{true, {}, true, time, {}, true, own_folder.has_value()});
    }
    if (!asking_) {
        begin_asking(now);
    }
}

// What others have ----------------------------------------------------------------------------

void Lookup::begin_asking(TimePoint now) {
    asking_ = true;
    vote_.emplace(order_.root_prefix, now);
    engine_.wiring.keeper.post(HashFirst{name()});  // it looks on the disk
    const store::Holding own = engine_.wiring.offers().find_in(store::Where::downloads, name());
    if (own.state == store::Holding::State::complete) {
        vote_->handle_has(this_host, key_of(own.file->id), true, now);
        mtimes_[key_of(own.file->id)] = own.file->stamp.mtime_s();
    }
    for (ServerLink* link : engine_.servers.usable()) {
        ask(*link, now);
    }
}

void Lookup::handle_link(ServerLink& link, TimePoint now) {
    if (asking_ && !over_) {
        ask(link, now);
    }
}

void Lookup::handle_link_lost(ServerLink& link) {
    if (vote_ && asked_.erase(link.id) > 0) {
        vote_->handle_gone(link.id);
    }
}

void Lookup::ask(ServerLink& link, TimePoint now) {
    asked_[link.id].host = link.known_as;
    ask_file(link);
    ask_folder(link, now);
}

void Lookup::ask_file(ServerLink& link) {
    vote_->handle_asked(link.id);
    asked_[link.id].refused = false;
    link.ask(query_of(name()), this, [this](ServerLink& from, const Reply& reply, TimePoint then) {
        handle_answer(from, reply, then);
    });
}

void Lookup::ask_folder(ServerLink& link, TimePoint now) {
    Asked& asked = asked_[link.id];
    asked.folder_asked_at = now;
    const std::string prefix = name() + '/';
    if (!order_.root_prefix.empty() || prefix.size() > limits::path_max) {
        asked.folder = Word::no;
        return;
    }
    const ListingWalk walk(prefix, ListingWalk::Depth::children, ListingWalk::of_folder_max);
    link.ask(walk.question(), this, [this](ServerLink& from, const Reply& reply, TimePoint) {
        handle_folder(from, reply);
    });
}

void Lookup::handle_folder(ServerLink& link, const Reply& reply) {
    const auto asked = asked_.find(link.id);
    if (asked == asked_.end()) {
        return;
    }
    const bool listing = reply.is(protocol::ServerType::listing);
    if (listing && reply.message->count > 0) {
        folder_ = true;
        if (const auto records = protocol::parse_listing(reply.payload)) {
            for (const protocol::ListingRecord& record : *records) {
                below_ = std::max(below_, record.mtime);
            }
        }
        asked->second.folder = Word::yes;
    } else {
        const bool partly = listing && (reply.message->flags & protocol::flag_incomplete) != 0;
        const bool unsure = is_no_word(reply) || partly;
        asked->second.folder = unsure ? Word::unsure : Word::no;
    }
}

// Those that had not seen all of their own folders, or refused.
void Lookup::ask_again(TimePoint now) {
    for (auto& [source, asked] : asked_) {
        ServerLink* link = engine_.servers.usable(source);
        const TimePoint again_at = asked.folder_asked_at + ask_again_after;
        if ((asked.folder != Word::unsure && !asked.refused) || link == nullptr) {
            continue;
        }
        if (now >= again_at) {
            if (asked.refused) {
                ask_file(*link);
            }
            ask_folder(*link, now);
        } else {
            look_again_at_ = std::min(look_again_at_, again_at);
        }
    }
}

void Lookup::handle_pending(ServerLink& link, const Reply& reply) {
    vote_->handle_pending(link.id);
    if (reply.message->fileSize > limits::file_size_max || pending_) {
        return;
    }
    pending_.emplace();
    pending_->id.size = reply.message->fileSize;
    pending_->hashed = false;
    hashed_by_ = link.known_as;
    if (order_.hashed) {
        return;
    }
    // The listing knows its time, too: the name is the first that begins so.
    ++pending_times_due_;
    const ListingWalk walk(name(), ListingWalk::Depth::children, ListingWalk::of_folder_max);
    link.ask(walk.question(), this, [this](ServerLink&, const Reply& told, TimePoint) {
        --pending_times_due_;
        if (!told.is(protocol::ServerType::listing)) {
            return;
        }
        const auto records = protocol::parse_listing(told.payload);
        if (records && !records->empty() && records->front().name == name()) {
            pending_->mtime = records->front().mtime;
        }
    });
}

void Lookup::handle_answer(ServerLink& link, const Reply& reply, TimePoint now) {
    Asked& asked = asked_[link.id];
    if (is_no_word(reply)) {
        asked.file = Word::unsure;
        asked.refused = !reply.lost();
        return vote_->handle_gone(link.id);
    }
    if (reply.is(protocol::ServerType::file) && reply.status() == protocol::Status::pending) {
        if ((reply.message->flags & protocol::flag_incomplete) != 0) {
            asked.file = Word::unsure;  // it cannot look there; its word follows when it can
            asked.blind = true;
            return vote_->handle_gone(link.id);
        }
        asked.file = Word::yes;
        return handle_pending(link, reply);
    }
    asked.file = Word::no;
    if (!reply.is(protocol::ServerType::file)) {
        return reply.status() == protocol::Status::unreadable ? vote_->handle_unreadable(link.id)
                                                              : vote_->handle_has_not(link.id);
    }
    const integrity::FileId id{reply.message->fileSize, reply.message->digest};
    if (!id.possible()) {
        return vote_->handle_has_not(link.id);
    }
    asked.file = Word::yes;
    const bool complete = reply.message->held == integrity::Geometry(id.size).chunk_count();
    if (complete) {
        const auto mtime = static_cast<std::int64_t>(reply.message->first);
        const auto [known, fresh] = mtimes_.try_emplace(key_of(id), mtime);
        known->second = std::min(known->second, mtime);
    }
    vote_->handle_has(link.id, key_of(id), complete, now);
}

// The decision --------------------------------------------------------------------------------

void Lookup::look_decided(TimePoint now) {
    const bool late = now - began_at_ >= silence_max;
    for (auto& [source, asked] : asked_) {
        if (late && asked.file == Word::due) {
            asked.file = Word::unsure;
            vote_->handle_gone(source);
        }
    }
    look_again_at_ = late ? began_at_ + doubt_wait_max : began_at_ + silence_max;
    const swarm::VersionVote::Outcome outcome = vote_->outcome(now);
    if (const auto* open = std::get_if<swarm::VersionVote::Undecided>(&outcome)) {
        look_again_at_ = std::min(look_again_at_, open->until.value_or(look_again_at_));
        if (look_pending(late)) {
            return finish(*pending_);
        }
        if (now - began_at_ >= doubt_wait_max) {
            finish(Error{ErrorKind::unknown, "'" + name() + "' is still being hashed by " +
                                                 hashed_by_ + "; try again"});
        }
        return;
    }
    if (const auto other = beside_lies(now)) {
        return decide(*other);
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
    decide_nobody(std::get<swarm::VersionVote::Nobody>(outcome), now);
}

// What is meant when versions of which nothing verified, a while ago, do not count: nullopt when
// there is none of these, or nothing else.
std::optional<swarm::Version> Lookup::beside_lies(TimePoint now) const {
    std::vector<swarm::Version> versions = vote_->versions();
    const std::size_t lies = std::erase_if(versions, [this, now](const swarm::Version& version) {
        return engine_.distrusts(id_of(version.key), now);
    });
    if (lies == 0 || !order_.root_prefix.empty()) {
        return std::nullopt;
    }
    std::vector<swarm::Candidate> candidates;
    for (const swarm::Version& version : versions) {
        candidates.push_back({version.key, version.complete.size(), version.partial.size(), 0,
                              mtime_of(version.key)});
    }
    const auto best = swarm::settled(candidates);
    return best ? std::optional(versions[*best]) : std::nullopt;
}

// It is hashed nowhere, as far as is known, and whoever asks does not wait for that.
bool Lookup::look_pending(bool late) {
    const bool due = std::any_of(asked_.begin(), asked_.end(),
                                 [](const auto& entry) { return entry.second.file == Word::due; });
    return pending_ && !order_.hashed && vote_->versions().empty() &&
           (late || (!due && pending_times_due_ == 0));
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

void Lookup::decide_nobody(const swarm::VersionVote::Nobody& nobody, TimePoint now) {
    if (folder_ && awaits_folder(now)) {
        return;
    }
    if (folder_) {
        return finish(
            Meaning{true, {}, true, folder_time(0, 0, told_below(now)), {}, false, false});
    }
    Doubts doubts = engine_.doubts(looked_on_disk_, folder_prefix(order_.name));
    if (decide_by_memory(doubts, now)) {
        return;
    }
    if (doubts.any()) {
        ask_again(now);
        return now - began_at_ < doubt_wait_max ? void() : give_up_waiting(doubts);
    }
    if (nobody.unreadable > 0) {
        return finish(
            Error{ErrorKind::forbidden, "the hosts that have '" + name() + "' may not read it"});
    }
    finish(Error{ErrorKind::not_found, "no host has '" + name() + "'"});
}

// The newest time in the folder of that name that hosts tell now, or told when they listed the one
// that it is in: there it must have the same.
std::int64_t Lookup::told_below(TimePoint now) const {
    std::int64_t newest = below_;
    for (const Told::Name& word : told_.name(name(), now)) {
        newest = std::max(newest, word.row != nullptr ? word.row->below_s : 0);
    }
    return newest;
}

// Its time is the newest of all: those that have answered for the file will in a moment.
bool Lookup::awaits_folder(TimePoint now) const {
    return now - began_at_ < silence_max &&
           std::any_of(asked_.begin(), asked_.end(), [](const auto& entry) {
               return entry.second.file == Word::no && entry.second.folder == Word::due;
           });
}

// What those hosts told before that have not given their word now. It shows that there is
// something; that there is not, a host that is connected must say now.
Lookup::Memory Lookup::recall(Doubts& doubts, TimePoint now) const {
    Memory memory;
    for (const Told::Name& word : told_.name(name(), now)) {
        const auto asked = std::find_if(asked_.begin(), asked_.end(), [&](const auto& entry) {
            return entry.second.host == *word.host;
        });
        if (asked != asked_.end() && asked->second.says_no()) {
            continue;
        }
        if (!word.known || !word.away) {
            const bool answers = asked != asked_.end() &&
                                 (asked->second.file == Word::no || asked->second.blind) &&
                                 asked->second.folder == Word::unsure;
            (word.away ? doubts.away
             : answers ? doubts.starting_hosts
                       : doubts.silent)
                .push_back(*word.host);
        }
        // A host that has just said no to the file has it no more.
        const bool has_file = word.row != nullptr && word.row->file &&
                              (asked == asked_.end() || asked->second.file != Word::no);
        memory.folder |= word.row != nullptr && word.row->folder;
        if (has_file) {
            memory.add(word);
        }
    }
    return memory;
}

void Lookup::Memory::add(const Told::Name& word) {
    std::string& names = word.away ? lost : silent;
    names += (names.empty() ? "" : ", ") + *word.host;
    if (integrity::is_unhashed(word.row->id)) {
        pending = Meaning{false, word.row->id, false, word.row->mtime_s, {}, false, false};
        return;
    }
    versions[word.row->id].add(word.row->mtime_s, word.away);
}

// True: what was told before decides.
bool Lookup::decide_by_memory(Doubts& doubts, TimePoint now) {
    const bool late = now - began_at_ >= silence_max;
    auto [versions, silent, lost, pending, folder] = recall(doubts, now);
    std::erase_if(versions, [this](const auto& entry) {
        return !entry.first.root.hex().starts_with(order_.root_prefix);
    });
    // Whoever wants the file itself needs a host that answers.
    const bool can_wait = order_.hashed && now - began_at_ < doubt_wait_max;
    if ((!late || can_wait) && !silent.empty()) {
        doubts.silent.push_back(silent);
        return false;
    }
    const std::string away = lost.empty() ? silent + " does not answer"
                                          : "the host that has it is gone for now: " + lost;
    if (const auto best = best_version(versions); best != versions.end()) {
        Meaning meaning;
        meaning.id = best->first;
        meaning.mtime = best->second.mtime != 0 ? std::optional(best->second.mtime) : std::nullopt;
        meaning.here =
            engine_.wiring.catalog->find(meaning.id).state == store::Holding::State::complete;
        meaning.away = away;
        finish(meaning);
        return true;
    }
    if (pending && order_.root_prefix.empty()) {
        pending->away = away;
        finish(*pending);
        return true;
    }
    if (folder && order_.root_prefix.empty()) {
        finish(Meaning{true, {}, true, folder_time(0, 0, told_below(now)), {}, false, false});
        return true;
    }
    return false;
}

void Lookup::give_up_waiting(const Doubts& doubts) {
    finish(Error{ErrorKind::unknown,
                 "it is not known yet whether '" + name() + "' exists: " + doubts.text()});
}

}  // namespace shoal::peer
