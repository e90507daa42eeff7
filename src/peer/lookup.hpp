// Lookup: what does a name mean in the swarm's tree? Requester's thread.
//
// A file or folder of this host's shared/ settles it. Else every host is asked at once for a
// file and for a folder of that name, and the vote decides; of equals the newest counts, then
// the lowest root. What a host that is silent or lost told of the folder before shows what there
// is. That there is no such name is said when all have said so: the hosts connected now, the lost
// ones before, those of hosts.txt that are being dialled, and this host, which looks on its disk.
// Who waits for longer than doubt_wait_max is told whom for.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/doubts.hpp"
#include "peer/engine.hpp"
#include "peer/told.hpp"
#include "peer/tree_merge.hpp"
#include "shoal/swarm/version_vote.hpp"

namespace shoal::peer {

struct Meaning {
    bool folder{false};
    integrity::FileId id;  // of a file that is not hashed yet, its size
    bool hashed{true};
    std::optional<std::int64_t> mtime;
    std::vector<SourceId> holders;  // of all of it, other hosts only
    bool here{false};               // all of it is here; of a folder: some of what is in it
    bool shared{false};             // it stands in shared/
    std::string away{};             // why nobody can be asked for it, though it is known who has it
};
using Understood = std::function<void(Result<Meaning>)>;

struct LookupOrder {
    store::SafePath name;
    std::string root_prefix;  // lower-case hex digits, or empty
    bool hashed{true};        // a name whose root is not known yet is waited for

    friend bool operator==(const LookupOrder&, const LookupOrder&) = default;
};

class Lookup {
  public:
    Lookup(Engine& engine, Told& told, LookupOrder order, TimePoint now);
    ~Lookup() { engine_.servers.forget(this); }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    void add(Understood understood) { waiting_.push_back(std::move(understood)); }
    void handle_link(ServerLink& link, TimePoint now);
    void handle_link_lost(ServerLink& link);
    void handle_name_settled(const std::string& name);
    void drive(TimePoint now);
    void give_up(const Error& error) { finish(error); }

    [[nodiscard]] const LookupOrder& order() const { return order_; }
    [[nodiscard]] bool over() const { return over_; }
    [[nodiscard]] TimePoint next_timeout() const { return look_again_at_; }

  private:
    // How far one host's two answers are.
    enum class Word { due, no, unsure, yes };
    struct Asked {
        std::string host;
        Word file{Word::due};
        Word folder{Word::due};
        TimePoint folder_asked_at;
        bool refused{false};  // to say, for now
        bool blind{false};    // cannot look there
        [[nodiscard]] bool says_no() const { return file == Word::no && folder == Word::no; }
    };

    // What hosts told of the name before.
    struct Memory {
        void add(const Told::Name& word);

        RemoteVersions versions;
        std::string silent;  // hosts that do not answer, as they are told to people
        std::string lost;    // and those that are gone
        std::optional<Meaning> pending;
        bool folder{false};
    };

    [[nodiscard]] const std::string& name() const { return order_.name.text(); }
    void look_here(TimePoint now);
    [[nodiscard]] bool matches(const store::Holding& holding) const;
    bool is_pending(const store::Holding& holding);
    void begin_asking(TimePoint now);
    void ask(ServerLink& link, TimePoint now);
    void ask_file(ServerLink& link);
    void ask_folder(ServerLink& link, TimePoint now);
    void ask_again(TimePoint now);
    void handle_answer(ServerLink& link, const Reply& reply, TimePoint now);
    void handle_pending(ServerLink& link, const Reply& reply);
    void handle_folder(ServerLink& link, const Reply& reply);
    void look_decided(TimePoint now);
    [[nodiscard]] std::optional<swarm::Version> beside_lies(TimePoint now) const;
    [[nodiscard]] bool look_pending(bool late);
    void decide(const swarm::Version& version);
    void decide_nobody(const swarm::VersionVote::Nobody& nobody, TimePoint now);
    [[nodiscard]] std::int64_t told_below(TimePoint now) const;
    [[nodiscard]] bool awaits_folder(TimePoint now) const;
    [[nodiscard]] Memory recall(Doubts& doubts, TimePoint now) const;
    [[nodiscard]] bool decide_by_memory(Doubts& doubts, TimePoint now);
    [[nodiscard]] std::int64_t mtime_of(const swarm::ContentKey& key) const;
    void give_up_waiting(const Doubts& doubts);
    void finish(const Result<Meaning>& result);

    Engine& engine_;
    Told& told_;
    LookupOrder order_;
    std::vector<Understood> waiting_;
    bool asking_{false};
    bool hashing_{false};
    bool looked_on_disk_{false};
    bool over_{false};
    TimePoint began_at_;
    TimePoint look_again_at_;
    std::optional<swarm::VersionVote> vote_;
    std::map<SourceId, Asked> asked_;
    std::map<swarm::ContentKey, std::int64_t> mtimes_;  // the oldest that a holder tells
    std::optional<Meaning> pending_;                    // somebody has yet to hash it
    std::string hashed_by_;                             // that host
    int pending_times_due_{0};
    bool folder_{false};     // some host has files below it
    std::int64_t below_{0};  // the newest time that one told of those
};

}  // namespace shoal::peer
