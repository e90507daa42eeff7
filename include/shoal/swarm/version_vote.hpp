// Which content does a name mean? Pure; the one rule for orders of users, for what a search has
// found, and for the gateways' trees (most_held(), settled()), and who is waited for before a name
// that was asked of all hosts is decided (VersionVote).
//
// The content that most hosts hold complete wins. Parts count when nobody holds any content
// complete, so a part never outvotes a whole one and never breaks a tie of whole ones. Copies that
// only came through a gateway's cache count when there is nothing else. A tie is the user's to
// settle; a gateway, which must answer, takes the newest of the equal ones, then the lowest root.
//
// Decided when all have answered, or 300 ms after the first that has the file. While nobody has
// it, a silent host is waited for (5 s, unless the asker says otherwise), one that is hashing until
// it answers or goes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "shoal/base/ids.hpp"
#include "shoal/base/time.hpp"

namespace shoal::swarm {

// Content as an opaque key: size and root, however the caller spells them.
struct ContentKey {
    std::uint64_t size{};
    std::array<std::uint8_t, 32> root{};
    friend auto operator<=>(const ContentKey&, const ContentKey&) = default;
};

// One content that a name may mean, and how many hosts hold it.
struct Candidate {
    ContentKey key;
    std::size_t complete{0};
    std::size_t partial{0};
    std::size_t cached{0};  // of it, or of parts: copies that only came through a gateway
    std::int64_t mtime{0};  // seconds since 1970, the oldest that a holder tells; 0: not known
};

// The places in `all` of those that have the most votes, in order: none (nobody holds anything),
// one (it is meant), or several (a tie).
std::vector<std::size_t> most_held(std::span<const Candidate> all);
// For who must decide: of a tie, the newest, then the lowest root, then the smallest.
std::optional<std::size_t> settled(std::span<const Candidate> all);

struct Version {
    ContentKey key;
    std::vector<SourceId> complete;
    std::vector<SourceId> partial;
};

class VersionVote {
  public:
    // `root_prefix`: hex digits of NAME@ROOT, empty for any. `silence_max`: for how long silent
    // hosts are waited for while nobody has it.
    VersionVote(std::string root_prefix, TimePoint now,
                Duration silence_max = std::chrono::seconds(5));

    void handle_asked(SourceId source);  // will answer, or go
    void handle_has(SourceId source, ContentKey key, bool complete, TimePoint now);
    void handle_has_not(SourceId source);
    void handle_pending(SourceId source);  // is hashing it; waited for as long as nobody has it
    void handle_unreadable(SourceId source);
    void handle_gone(SourceId source);

    struct Undecided {
        std::optional<TimePoint> until;  // look again then
    };
    struct Winner {
        Version version;
    };
    struct Tie {
        std::vector<Version> versions;  // those with equally many holders
    };
    struct Nobody {
        std::size_t answered{};    // hosts that said no
        std::size_t unreadable{};  // hosts that have it but may not read it
        bool other_versions{};     // there are versions, but none has the wanted root
    };
    using Outcome = std::variant<Undecided, Winner, Tie, Nobody>;
    [[nodiscard]] Outcome outcome(TimePoint now) const;
    // All seen so far, most complete holders first.
    [[nodiscard]] std::vector<Version> versions() const;

  private:
    [[nodiscard]] bool matches(const ContentKey& key) const;
    void withdraw(SourceId source);
    [[nodiscard]] std::optional<Undecided> undecided(TimePoint now) const;

    enum class Answer { waiting, pending, has, has_not, unreadable };
    std::string root_prefix_;
    TimePoint asked_at_;
    Duration silence_max_;
    std::optional<TimePoint> first_has_;
    std::map<SourceId, Answer> answers_;
    std::map<ContentKey, Version> versions_;
};

// Up to `most` of `names` that look like `wanted`, best first: same name in another case or
// folder, containing it (or contained in it), or within a small edit distance. The cost is
// bounded: long names are compared by their beginnings.
std::vector<std::string> near_names(const std::string& wanted,
                                    const std::vector<std::string>& names, std::size_t most);

}  // namespace shoal::swarm
