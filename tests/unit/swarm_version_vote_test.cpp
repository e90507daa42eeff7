#include "shoal/swarm/version_vote.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shoal;
using namespace shoal::swarm;

namespace {

const TimePoint start{std::chrono::seconds(100)};

ContentKey key_of(char letter) {
    ContentKey key{1000, {}};
    key.root.fill(static_cast<std::uint8_t>(letter));
    return key;
}

// One letter a host, in order: X Y Z has that version complete, x y z in part, - has it not,
// u may not read it, h is hashing it, ? has not answered.
VersionVote vote_of(const std::string& hosts, const std::string& prefix = "") {
    VersionVote vote(prefix, start);
    for (std::uint32_t host = 0; host < hosts.size(); ++host) {
        vote.handle_asked({host});
    }
    for (std::uint32_t host = 0; host < hosts.size(); ++host) {
        const char said = hosts[host];
        if (said == '-') {
            vote.handle_has_not({host});
        } else if (said == 'u') {
            vote.handle_unreadable({host});
        } else if (said == 'h') {
            vote.handle_pending({host});
        } else if (said >= 'X' && said <= 'Z') {
            vote.handle_has({host}, key_of(said), true, start);
        } else if (said >= 'x' && said <= 'z') {
            vote.handle_has({host}, key_of(static_cast<char>(said - 'a' + 'A')), false, start);
        }
    }
    return vote;
}

// "X" wins, "X=Y" tie, "?" undecided, "none".
std::string said(const VersionVote::Outcome& outcome) {
    if (std::holds_alternative<VersionVote::Undecided>(outcome)) {
        return "?";
    }
    if (std::holds_alternative<VersionVote::Nobody>(outcome)) {
        return "none";
    }
    if (const auto* winner = std::get_if<VersionVote::Winner>(&outcome)) {
        return {static_cast<char>(winner->version.key.root[0])};
    }
    std::string names;
    for (const Version& version : std::get<VersionVote::Tie>(outcome).versions) {
        names += names.empty() ? "" : "=";
        names += static_cast<char>(version.key.root[0]);
    }
    return names;
}

}  // namespace

// One candidate a word: its letter, hosts that hold it complete, in part, cached, and its time.
struct Rule {
    std::vector<Candidate> all;
    const char* leaders;  // letters; several: a tie
    const char* settled;
};
Candidate held(char letter, std::size_t complete, std::size_t partial = 0, std::size_t cached = 0,
               std::int64_t mtime = 0) {
    return {key_of(letter), complete, partial, cached, mtime};
}

TEST_CASE("which content most hosts hold, and what a gateway takes of equals") {
    const Rule rule = GENERATE(values<Rule>({
        {{}, "", ""},
        {{held('X', 0)}, "", ""},
        {{held('X', 1)}, "X", "X"},
        {{held('X', 1), held('Y', 2)}, "Y", "Y"},
        {{held('X', 1), held('Y', 1)}, "XY", "X"},                     // the lowest root
        {{held('Y', 1), held('X', 1)}, "YX", "X"},                     // in any order
        {{held('X', 1, 0, 0, 5), held('Y', 1, 0, 0, 6)}, "XY", "Y"},   // the newest
        {{held('X', 2, 0, 0, 5), held('Y', 1, 0, 0, 6)}, "X", "X"},    // most, not newest
        {{held('X', 1, 0, 0, 0), held('Y', 1, 0, 0, -1)}, "XY", "X"},  // unknown is 1970
        {{held('X', 1, 0, 0, INT64_MIN), held('Y', 1)}, "XY", "Y"},
        {{held('X', 1, 1), held('Y', 1)}, "XY", "X"},    // a part breaks no tie of whole ones
        {{held('X', 1), held('Y', 0, 9)}, "X", "X"},     // nor outvotes a whole one
        {{held('X', 0, 1), held('Y', 0, 2)}, "Y", "Y"},  // parts alone count among themselves
        {{held('X', 0, 1), held('Y', 0, 1)}, "XY", "X"},
        {{held('X', 1), held('Y', 1, 0, 5)}, "XY", "X"},  // a cached copy breaks no tie
        {{held('X', 1), held('Y', 0, 0, 5)}, "X", "X"},
        {{held('X', 0, 1), held('Y', 0, 0, 5)}, "X", "X"},
        {{held('X', 0, 0, 1), held('Y', 0, 0, 5)}, "Y", "Y"},  // with nothing else it counts
        {{held('X', 3), held('Y', 3), held('Z', 2)}, "XY", "X"},
    }));
    std::string leaders;
    for (const std::size_t place : most_held(rule.all)) {
        leaders += static_cast<char>(rule.all[place].key.root[0]);
    }
    CHECK(leaders == rule.leaders);
    const auto place = settled(rule.all);
    CHECK((place ? std::string(1, static_cast<char>(rule.all[*place].key.root[0])) : "") ==
          rule.settled);
}

TEST_CASE("which content is meant") {
    struct Row {
        const char* hosts;
        const char* at_once;
        const char* after_300ms;
        const char* after_5s;
    };
    const Row row = GENERATE(values<Row>({
        {"X", "X", "X", "X"},
        {"XXY", "X", "X", "X"},
        {"XYY-", "Y", "Y", "Y"},
        {"XY", "X=Y", "X=Y", "X=Y"},
        {"XXYYZ", "X=Y", "X=Y", "X=Y"},
        {"XYx", "X=Y", "X=Y", "X=Y"},  // a part breaks no tie of whole ones
        {"Xyyy", "X", "X", "X"},       // complete holders decide
        {"xyy", "Y", "Y", "Y"},        // without any, the partial ones
        {"xy", "X=Y", "X=Y", "X=Y"},
        {"---", "none", "none", "none"},
        {"-u-", "none", "none", "none"},
        {"", "none", "none", "none"},
        {"X?", "?", "X", "X"},  // the silent may still be many
        {"x??", "?", "X", "X"},
        {"-?", "?", "?", "none"},
        {"Xh", "?", "X", "X"},
        {"-h", "?", "?", "?"},  // hashing: waited for
        {"?h", "?", "?", "?"},
    }));
    CAPTURE(row.hosts);
    const VersionVote vote = vote_of(row.hosts);
    CHECK(said(vote.outcome(start)) == row.at_once);
    CHECK(said(vote.outcome(start + 299ms)) == row.at_once);
    CHECK(said(vote.outcome(start + 300ms)) == row.after_300ms);
    CHECK(said(vote.outcome(start + 5s)) == row.after_5s);
}

TEST_CASE("until when it is undecided is told") {
    CHECK(std::get<VersionVote::Undecided>(vote_of("X?").outcome(start)).until == start + 300ms);
    CHECK(std::get<VersionVote::Undecided>(vote_of("-?").outcome(start)).until == start + 5s);
    CHECK_FALSE(std::get<VersionVote::Undecided>(vote_of("-h").outcome(start)).until);
}

TEST_CASE("NAME@ROOT: only that root counts, in either case") {
    CHECK(said(vote_of("XXY", "59595959").outcome(start)) == "Y");
    const auto outcome = vote_of("XX-u", "5A5a5a5a").outcome(start);
    const auto& nobody = std::get<VersionVote::Nobody>(outcome);
    CHECK(nobody.other_versions);
    CHECK(nobody.answered == 1);
    CHECK(nobody.unreadable == 1);
    CHECK(said(vote_of("X?", "59595959").outcome(start + 300ms)) == "?");
}

TEST_CASE("the size belongs to the identity") {
    VersionVote vote("", start);
    ContentKey longer = key_of('X');
    longer.size = 1001;
    vote.handle_has({1}, key_of('X'), true, start);
    vote.handle_has({2}, longer, true, start);
    CHECK(std::holds_alternative<VersionVote::Tie>(vote.outcome(start)));
}

TEST_CASE("what a host said last counts, and one that goes counts no more") {
    VersionVote vote = vote_of("XY?");
    vote.handle_gone({2});
    CHECK(said(vote.outcome(start)) == "X=Y");
    vote.handle_has({1}, key_of('X'), true, start);
    CHECK(said(vote.outcome(start)) == "X");
    CHECK(vote.versions().size() == 1);
    CHECK(vote.versions()[0].complete.size() == 2);
    vote.handle_gone({0});
    vote.handle_gone({1});
    CHECK(said(vote.outcome(start)) == "none");
}

TEST_CASE("versions are listed by their holders") {
    const auto versions = vote_of("XYYzz").versions();
    REQUIRE(versions.size() == 3);
    CHECK(versions[0].key == key_of('Y'));
    CHECK(versions[1].key == key_of('X'));
    CHECK(versions[2].partial.size() == 2);
}

TEST_CASE("names that look like the wanted one") {
    const std::vector<std::string> names{"Report.pdf",     "docs/report.pdf", "repotr.pdf",
                                         "report-old.pdf", "movie.mkv",       "old report.pdf",
                                         "a/b/movie.mkv"};
    CHECK(near_names("report.pdf", names, 3) ==
          std::vector<std::string>{"Report.pdf", "docs/report.pdf", "repotr.pdf"});
    CHECK(near_names("report.pdf", names, 9).size() == 4);
    CHECK(near_names("MOVIE.MKV", names, 9) ==
          std::vector<std::string>{"movie.mkv", "a/b/movie.mkv"});
    CHECK(near_names("movie", names, 9).size() == 2);
    CHECK(near_names("zzz", names, 9).empty());
    CHECK(near_names("", names, 9).empty());
    CHECK(near_names("report.pdf", names, 0).empty());
}

TEST_CASE("near names of long, hostile lists are found in bounded time") {
    const std::vector<std::string> names(20000, std::string(400, 'a'));
    CHECK(near_names(std::string(399, 'a') + "b", names, 5).size() == 5);
}
