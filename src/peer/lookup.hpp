// Lookup: what does a name mean in the swarm's tree? Requester's thread.
//
// A file or folder of this host's shared/ settles it. Else every host is asked at once for a
// file and for a folder of that name, and the vote decides; of equals the newest counts, then
// the lowest root. A copy in downloads/ has its vote; one that only came through a gateway
// counts when nobody else has the name.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/engine.hpp"
#include "shoal/swarm/version_vote.hpp"

namespace shoal::peer {

struct Meaning {
    bool folder{false};
    integrity::FileId id;
    std::optional<std::int64_t> mtime;
    std::vector<SourceId> holders;  // of all of it, other hosts only
    bool here{false};               // all of it is here; of a folder: some of what is in it
    bool shared{false};             // it stands in shared/
};
using Understood = std::function<void(Result<Meaning>)>;

class Lookup {
  public:
    // `root_prefix`: lower-case hex digits, or empty.
    Lookup(Engine& engine, store::SafePath name, std::string root_prefix, TimePoint now);
    ~Lookup() { engine_.servers.forget(this); }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    void add(Understood understood) { waiting_.push_back(std::move(understood)); }
    void handle_link(ServerLink& link);
    void handle_link_lost(ServerLink& link);
    void handle_name_settled(const std::string& name);
    void drive(TimePoint now);
    void give_up(const Error& error) { finish(error); }

    [[nodiscard]] const store::SafePath& name() const { return name_; }
    [[nodiscard]] const std::string& root_prefix() const { return root_prefix_; }
    [[nodiscard]] bool over() const { return over_; }
    [[nodiscard]] TimePoint next_timeout() const { return look_again_at_; }

  private:
    void look_here(TimePoint now);
    [[nodiscard]] bool matches(const store::Holding& holding) const;
    bool wait_for_hash(const store::Holding& holding);
    void begin_asking(TimePoint now);
    void ask(ServerLink& link);
    void handle_answer(ServerLink& link, const Reply& reply, TimePoint now);
    void look_decided(TimePoint now);
    void decide(const swarm::Version& version);
    void decide_nobody(const swarm::VersionVote::Nobody& nobody);
    [[nodiscard]] std::int64_t mtime_of(const swarm::ContentKey& key) const;
    void finish(const Result<Meaning>& result);

    Engine& engine_;
    store::SafePath name_;
    std::string root_prefix_;
    std::vector<Understood> waiting_;
    bool asking_{false};
    bool hashing_{false};
    bool over_{false};
    TimePoint began_at_;
    TimePoint look_again_at_;
    std::optional<swarm::VersionVote> vote_;
    std::map<SourceId, bool> asked_;                    // whether it has answered
    std::map<swarm::ContentKey, std::int64_t> mtimes_;  // the oldest that a holder tells
    bool folder_{false};                                // some host has files below it
    std::size_t folder_answers_due_{0};
};

}  // namespace shoal::peer
