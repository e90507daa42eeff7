// PeerApi: the one door to a running peer, for the prompt and for gateways.
//
// Orders may be given from any thread; they are posted to the requester and return at once.
// What comes of them arrives as events at the sink that the order names. Everything here is
// plain data: names as text (not escaped: whoever shows them escapes), roots as hex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shoal/base/ids.hpp"
#include "shoal/base/result.hpp"
#include "shoal/base/time.hpp"

namespace shoal::peer {

// How an order ended. The numbers are the exit codes of scripts.
enum class Outcome : int {
    done = 0,
    failed = 1,
    usage = 2,
    not_found = 3,   // a host answered, none has it
    no_host = 4,     // nobody could be asked
    incomplete = 5,  // holders gone or stalled for the timeout; the part is kept
    verification_failed = 6,
    versions_differ = 7,  // a tie, none chosen
    not_let_in = 8,
    disk_full = 9,
    exists = 10,  // the name is taken by other content
    cancelled = 130,
};
std::string_view outcome_word(Outcome outcome);  // "done", "not-found", ... for --json

// Why a host cannot be asked.
enum class DownReason {
    none,             // it can be, or nothing is known yet
    no_address,       // its name has none
    unreachable,      // nothing listens there, no way leads there, or no answer came
    full,             // it serves as many clients as it takes
    closing,          // it is about to end
    other_version,    // of the protocol
    not_let_in,       // no secret in common
    not_shoal,        // something else answers on that port
    broken_protocol,  // it does not keep to the protocol
    silent,           // the connection stands, but no hello came
    refused,          // it says no, with another status
    lost,             // the connection ended
    enough_others,    // this host is connected to as many as it takes
};
std::string_view down_word(DownReason reason);  // "full", "not-let-in", ... for --json; "" for none

// A host that could not be asked.
struct Unreached {
    std::string host;
    DownReason reason{};
    std::string text;  // "127.0.0.3:8080 is full"
};

// One of several contents under a name, and who holds it.
struct VersionInfo {
    std::uint64_t size{};
    std::string root;
    std::vector<std::string> complete;  // hosts
    std::vector<std::string> partial;
};
// Its first digits, 8 or more: as many as tell it from the others. Hex, whatever it was given.
std::string short_root(const VersionInfo& one, const std::vector<VersionInfo>& all);

struct FetchOrder {
    std::string name;         // a path; with a trailing '/', the folder and all beneath it
    std::string root_prefix;  // hex digits of NAME@ROOT, else empty
    enum class OnClash { refuse, rename } on_clash{OnClash::rename};
    // Parked downloads wait for ever (the prompt) or give up after `timeout` without progress.
    bool wait_for_holders{true};
    Duration timeout{std::chrono::seconds(30)};
    unsigned wait_hosts{0};  // be connected to that many hosts before asking
    bool plan{false};        // only tell who holds what: nothing is transferred
    bool explain{false};     // tell afterwards where the time went
    // From a search: the content wanted, and hosts that have it ("ADDR:PORT"), which are dialled
    // for this fetch. Nobody is asked then what the name means.
    std::string root;  // 64 hex digits, else empty
    std::uint64_t size{};
    std::vector<std::string> hosts;
    std::vector<VersionInfo> versions{};  // that content, then others which the name may mean
    // Hosts without a root: of a pending result, whose root is not known yet. Those hosts alone are
    // asked what that path (empty: `name`) is there, which has it hashed first.
    std::string path_there{};
};

struct SearchOrder {
    enum class Kind { name_part, glob, regex };
    Kind kind{Kind::name_part};
    std::string pattern;
    std::string extensions;  // "txt", "jpg,png"
    std::uint64_t size_min{0};
    std::uint64_t size_max{UINT64_MAX};
    unsigned ttl{7};   // 1 to 15: how many hosts away it asks at most
    bool widen{true};  // near hosts first, further ones while results are few; else all at once
    Duration wait{std::chrono::seconds(4)};  // the answer is there by then, all told or not
    unsigned wait_hosts{0};
    bool own{false};  // this host's files, too, whether others can be asked or not
};

// Events -------------------------------------------------------------------------------------

struct FetchStarted {  // content is settled, data is being asked for
    FetchId fetch;
    std::string name;
    std::uint64_t size{};  // bytes in all
    std::string root;      // empty for a folder
    std::uint64_t files{1};
    std::uint64_t kept{};       // bytes taken over from an earlier try
    std::uint64_t rechecked{};  // bytes that were hashed again for that
    std::uint32_t chunks{};
    std::uint32_t hosts{};
};

struct FetchProgress {  // about ten times a second while something moves
    FetchId fetch;
    std::string name;
    std::uint64_t done{};  // verified bytes, kept ones included
    std::uint64_t size{};
    std::uint64_t files_done{};
    std::uint64_t files{1};
    double bytes_per_second{};
    std::uint32_t hosts{};  // sending now
    std::optional<Duration> left;
    bool parked{false};  // waits: for a holder, or for room on the disk
};

// Something a person wants to know while a fetch runs.
struct FetchNote {
    enum class Kind {
        source_lost,
        source_joined,
        bad_source,
        parked,
        unparked,
        stalled,  // nothing has come for a while: what is missing, who claims it, and why not
        file_failed,
        waiting,
        versions  // hosts hold several contents under the name: which one was taken
    };
    FetchId fetch;
    Kind kind{};
    std::string name;
    std::string host;
    std::string text;  // a whole sentence
    // Of `versions`: the one that was taken, then the others; of `file_failed`: those to choose
    // from.
    std::vector<VersionInfo> versions{};
};
std::string_view note_word(FetchNote::Kind kind);

struct HostShare {
    std::string host;
    std::uint64_t bytes{};
};

struct PlannedHost {
    std::string host;
    std::uint32_t chunks{};  // of the file that it holds
    std::uint64_t rate{};    // bytes a second that it has sent at best, or may; 0: not known
};
struct FetchPlan {                   // who holds what of a file
    std::uint32_t chunks{};          // of the file
    std::uint32_t here{};            // of them, kept from an earlier try
    std::vector<PlannedHost> hosts;  // most chunks first
    // Of the chunks that are not here: (hosts that hold it, such chunks), rarest first.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> rarity;
    // If all send at those rates, and as far as anybody holds it.
    std::optional<Duration> expected;
};

struct HostTime {
    std::string host;
    std::uint64_t bytes{};
    Duration busy{};          // while it owed something
    Duration longest_wait{};  // of that, until something came
};
struct FetchTimes {  // where the time of a fetch went
    // One after the other: until a host could be asked; until it was clear what is meant; until
    // the first byte could be asked for; until all was verified; until it stood under its name.
    Duration connecting{}, asking{}, opening{}, transferring{}, saving{};
    // While it was transferring; hashing may go on beside it, on another core.
    Duration writing{}, hashing{}, parked{};
    std::vector<HostTime> hosts;  // most bytes first
};

struct FetchDone {  // the last event of a fetch
    FetchId fetch;
    Outcome outcome{};
    std::string name;
    std::string saved_as;  // path as a person would open it; empty when nothing was saved
    bool already_here{false};
    std::uint64_t size{};
    std::uint64_t files{1};
    std::string root;
    Duration elapsed{};
    std::uint64_t kept{};
    std::uint64_t fetched{};            // bytes that came and verified: a rate is of these alone
    std::vector<HostShare> shares;      // who sent how much, most first
    std::string text;                   // why, as a sentence, when not done
    std::vector<VersionInfo> versions;  // when versions differ
    std::vector<std::string> near;      // when not found
    std::vector<Unreached> unreached;   // when nobody could be asked
    std::optional<FetchPlan> plan;      // of an order that asked for it
    std::optional<FetchTimes> times;    // likewise
};

struct FileRow {
    std::string name;
    std::uint64_t size{};
    std::string root;
    std::uint32_t complete{};  // holders, this host included
    std::uint32_t partial{};
    std::uint32_t versions{1};  // other contents under the same name, this one included
    bool here{false};
    // Its root is not known yet where it is: being hashed, or written. Then `root` is empty, and
    // complete and partial are 0.
    bool pending{false};
};
struct ListGap {  // a host that has not told all that it has
    std::string host;
    std::string why;
};
struct FileList {  // one row per name and content, by name, most holders first
    std::uint64_t order{};
    std::string prefix;
    std::vector<FileRow> rows;
    std::uint32_t hosts{};             // that answered
    bool truncated{false};             // more names exist than are kept
    std::vector<ListGap> gaps{};       // then names may be missing
    std::optional<Outcome> problem{};  // no_host, not_let_in, usage; incomplete: gaps, truncated
    std::string text{};                // of the problem, but not of incomplete
    std::vector<Unreached> unreached{};
};

struct PeerRow {
    std::string address;
    std::string state;         // "connected", "connecting", "down", "this host", "same host"
    std::string why;           // for "down": the reason as a sentence; "it is full"
    DownReason reason{};       // likewise
    std::string node;          // hex, when known
    std::uint64_t received{};  // file data from it
    std::uint64_t sent{};      // file data to it
    std::optional<Duration> round_trip;
    bool from_hosts_file{false};
};
std::string unreached_text(const PeerRow& row);  // "127.0.0.3:8080 is full"
struct PeerList {
    std::uint64_t order{};
    std::vector<PeerRow> rows;
};

struct StatusReport {
    std::uint64_t order{};
    std::vector<std::pair<std::string, std::string>> lines;  // key, value
};

// One host that a search has found.
struct FoundHost {
    std::string host;  // "ADDR:PORT", as seen by the host next to it, or as it advertises
    std::uint32_t hops{};
    std::uint64_t rate{};           // bytes a second that it has sent at best; 0: not known
    bool whole{true};               // false: it holds a part
    std::vector<std::string> path;  // the shortest way known: the nearest first, itself last
};
struct FoundFile {     // one content
    std::string name;  // of the nearest holder
    std::uint64_t size{};
    std::string root;
    std::uint32_t complete{}, partial{};  // holders
    std::uint32_t hops{};                 // to the nearest
    std::uint64_t rate{};                 // of the fastest
    bool here{false};
    std::vector<FoundHost> hosts;  // nearest first; not all of very many
    // As in FileRow: there is one such row for each name and size.
    bool pending{false};
};
// Of files that one name may mean: the one that most hosts hold (version_vote.hpp), or all between
// which there is a tie.
std::vector<const FoundFile*> most_held(const std::vector<const FoundFile*>& files);
struct SearchPrice {
    std::uint64_t hosts{};     // that were asked
    std::uint64_t messages{};  // by everybody, for all rings
    std::uint64_t bytes{};
    std::uint64_t duplicates{};  // dropped
    std::uint64_t lost{}, late{}, refused{};
    std::uint64_t unsure{};       // did not know all of their own files
    std::vector<unsigned> rings;  // the TTL of each
};
struct SearchResults {  // the one event of a search; nearest first
    std::uint64_t order{};
    std::vector<FoundFile> files;
    bool truncated{false};  // there is more than is kept
    bool complete{false};   // every host within reach has answered
    SearchPrice price;
    Duration elapsed{};
    // no_host, not_let_in, usage, cancelled; incomplete: nothing was found but what is pending, or
    // nothing while there are doubts.
    std::optional<Outcome> problem;
    std::string text;  // of the problem
    std::vector<Unreached> unreached;
    std::string doubts{};  // why a file that was not found may be there all the same; else empty
};

// Something that happened without an order: "127.0.0.3:8080 connected".
struct Notice {
    enum class Kind { host_connected, host_lost, hosts_file, refused, warning };
    Kind kind{};
    std::string host;
    std::string text;
    DownReason reason{};  // of `refused` and `host_lost`
};
std::string_view notice_word(Notice::Kind kind);

using Event = std::variant<FetchStarted, FetchProgress, FetchNote, FetchDone, FileList, PeerList,
                           StatusReport, SearchResults, Notice>;

// Where events go. Called on the requester's thread; must neither block nor throw.
// A sink outlives every order that names it (forget_sink() ends all of them).
class EventSink {
  public:
    virtual ~EventSink() = default;
    virtual void deliver(const Event& event) = 0;
};

class PeerApi {
  public:
    virtual ~PeerApi() = default;

    virtual FetchId fetch(FetchOrder order, EventSink& sink) = 0;
    // Stops it; what is here stays for a resume. Ends with FetchDone{cancelled}.
    virtual void cancel(FetchId fetch) = 0;
    // The swarm's files whose names begin with `prefix` ("" for all), as one FileList; at most
    // `rows_max`.
    // `wait_hosts` and `timeout` as in FetchOrder.
    virtual std::uint64_t list(std::string prefix, std::size_t rows_max, unsigned wait_hosts,
                               Duration timeout, EventSink& sink) = 0;
    // Asks hosts beyond those known here, too; ends with SearchResults.
    virtual std::uint64_t search(SearchOrder order, EventSink& sink) = 0;
    // Ends with what has been found by now.
    virtual void cancel_search(std::uint64_t order) = 0;
    virtual std::uint64_t peers(EventSink& sink) = 0;
    virtual std::uint64_t status(EventSink& sink) = 0;
    // Bytes per second, 0 for unlimited; nullopt leaves as it is.
    virtual void set_limits(std::optional<std::uint64_t> upload,
                            std::optional<std::uint64_t> download) = 0;
    // Hosts that are being sent file data now, or were within the last seconds.
    [[nodiscard]] virtual std::size_t served_now() = 0;
    virtual void forget_sink(EventSink& sink) = 0;
};

}  // namespace shoal::peer
