// What the threads say to each other: one variant a mailbox, and the Wiring that holds them.
//
//   connector --NewServer, HostTable--> requester --DialVerdict--> connector
//   listener --NewClient, Evict--> reader --ClientProven, ClientGone--> listener,
//                                         --DialBack--> connector
//   reader --SearchArrived--> requester --SendHits, SendDone--> reader;
//   requester --Have--> reader; requester --Pick--> connector; requester, reader --orders--> keeper
//   (main) --answers--> both main --Stop--> everybody; a thread that fails says ThreadEnded to main
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "peer/cache_book.hpp"
#include "peer/checks.hpp"
#include "peer/edit_mail.hpp"
#include "peer/gateway_mail.hpp"
#include "peer/offers.hpp"
#include "peer/rate_meter.hpp"
#include "peer/unasked.hpp"
#include "shoal/base/ids.hpp"
#include "shoal/net/address.hpp"
#include "shoal/net/mailbox.hpp"
#include "shoal/net/places.hpp"
#include "shoal/overlay/route.hpp"
#include "shoal/peer/peer.hpp"
#include "shoal/protocol/auth.hpp"
#include "shoal/protocol/search.hpp"
#include "shoal/store/catalog.hpp"
#include "shoal/store/store.hpp"

namespace shoal::peer {

struct Stop {};

// To the connector -----------------------------------------------------------------------------

struct DialBack {  // somebody connected here: its address as seen, its port as said
    net::Address address;
    NodeId node;
};
struct DialVerdict {  // what became of a socket that was handed to the requester
    enum class Kind { up, self, duplicate, refused, silent, down };
    net::Address address;
    Kind kind{};
    NodeId node;
    std::string why;  // of refused and down
    DownReason reason{};
};
struct Pick {  // hosts found by a search that the user wants to fetch from
    std::vector<net::Address> hosts;
};
struct Unpick {  // that fetch is over
    std::vector<net::Address> hosts;
};
struct Reload {};  // read hosts.txt now, whatever its time says
using ConnectorMail = std::variant<Stop, DialBack, DialVerdict, Pick, Unpick, Reload>;

// To the listener ------------------------------------------------------------------------------

struct ClientProven {  // it has passed the handshake
    net::Places::Id place{};
};
struct ClientGone {
    net::Places::Id place{};
};
using ListenerMail = std::variant<Stop, ClientProven, ClientGone>;

// To the reader --------------------------------------------------------------------------------

struct NewClient {
    Fd socket;
    net::Address address;
    net::Places::Id place{};
};
struct Evict {  // unless it has passed the handshake: somebody else needs its place
    net::Places::Id place{};
};
struct Have {  // this host holds more of a file
    integrity::FileId id;
    ChunkIndex first;
    std::uint32_t count{};
};
struct ContentChanged {  // finished files that are here now, or not any more
    std::vector<integrity::FileId> ids;
};
struct NameSettled {  // a name that was pending is hashed, unreadable or gone
    std::string name;
};
struct UploadLimit {
    std::uint64_t bytes_per_second{};
};
struct SendHits {  // results on their way home
    overlay::AskerId asker;
    std::shared_ptr<const protocol::HitsMessage> hits;
};
struct SendDone {  // the answer to a search
    overlay::AskerId asker;
    std::uint64_t request{};
    overlay::Counts counts;
    protocol::Status status{};  // a refusal unless ok
    std::string why;
};
using ReaderMail = std::variant<Stop, NewClient, Evict, Have, ContentChanged, NameSettled,
                                UploadLimit, SendHits, SendDone>;

// To the keeper (main) -------------------------------------------------------------------------

struct HashFirst {  // answered by NameSettled to reader and requester
    std::string name;
};
struct LookAgain {  // a file that was to be served is not what was hashed
    store::Where where{};
    store::SafePath name;
};
struct OpenPartial {  // answered by PartialOpened
    std::uint64_t transfer{};
    store::SafePath name;
    integrity::FileId id;
    std::vector<integrity::Digest> chunk_hashes;
    bool rename_on_clash{};
};
struct FinishPartial {  // answered by FileSaved
    std::uint64_t transfer{};
    std::shared_ptr<store::PartialFile> partial;
    bool rename_on_clash{};
    std::optional<std::int64_t> mtime;
    bool cached{};  // it comes through a gateway and may go again
};
struct ClosePartial {  // stopped before its end; nobody waits for an answer
    std::uint64_t transfer{};
    std::shared_ptr<store::PartialFile> partial;  // null: it is being opened
};
struct SaveSmall {  // answered by FileSaved
    std::uint64_t item{};
    store::SmallFile file;
    bool rename_on_clash{};
    bool cached{};
};
struct HelpHash {};  // Checks wait; answered by Checked, each
struct MakeRoom {    // the disk is full: what only lies in the gateways' cache gives way
    std::uint64_t bytes{};
};
struct DropPartial {  // it is complete, but its name is taken
    std::shared_ptr<store::PartialFile> partial;
};
struct KeepPartial {  // it may go again: its readers, gateways, went before it was whole
    std::shared_ptr<store::PartialFile> partial;
};
struct ThreadEnded {
    std::string thread;
    std::string why;  // empty: as asked
};
struct ServiceEnded {
    std::size_t index{};
    std::string why;  // empty: as asked
};
struct Finish {  // the front end is done
    int exit_code{};
};
using KeeperMail = std::variant<HashFirst, LookAgain, OpenPartial, FinishPartial, ClosePartial,
                                SaveSmall, HelpHash, MakeRoom, DropPartial, KeepPartial,
                                ThreadEnded, ServiceEnded, Finish, EditMail>;

// To the requester -----------------------------------------------------------------------------

struct NewServer {
    Fd socket;
    net::Address address;
    bool from_hosts_file{};
    std::string known_as{};  // its line of hosts.txt, else its address
};
struct HostTable {  // the connector's view, sent when it changes
    std::vector<PeerRow> rows;
    std::size_t unsettled{};  // hosts whose first attempt has no outcome yet
    std::vector<std::string> warnings;
    std::vector<std::string> unheard{};  // see DialPlan
    std::set<std::string> awaited{};
    std::vector<Unasked> unasked{};
};
struct PartialProving {  // what is here of it is hashed again, before it is opened or finished
    std::uint64_t transfer{};
    double done{};  // 0 to 1
};
struct PartialOpened {
    std::uint64_t transfer{};
    Result<std::shared_ptr<store::PartialFile>> partial;
};
struct FileSaved {
    std::uint64_t key{};  // transfer or item
    bool small{};
    Status status;
    std::string saved_as;
    std::vector<std::uint8_t> bytes;  // of a small file for which there was no room
};
struct Signal {
    int number{};
};

struct FetchCommand {
    FetchId fetch;
    FetchOrder order;
    EventSink* sink{};
};
struct CancelCommand {
    FetchId fetch;
};
struct ListCommand {
    std::uint64_t order{};
    std::string prefix;
    std::size_t rows_max{};
    unsigned wait_hosts{};
    Duration timeout{};
    EventSink* sink{};
};
struct SearchCommand {
    std::uint64_t order{};
    SearchOrder question;
    EventSink* sink{};
};
struct CancelSearchCommand {
    std::uint64_t order{};
};
struct AskerUp {  // a client was let in: it may ask
    overlay::AskerId asker;
    HostAddress listens;  // its address as seen, its port as said
    NodeId node;
};
struct AskerGone {
    overlay::AskerId asker;
};
struct SearchArrived {  // answered by SendDone
    overlay::AskerId asker;
    protocol::clientMessage message;
};
struct PeersCommand {
    std::uint64_t order{};
    EventSink* sink{};
};
struct StatusCommand {
    std::uint64_t order{};
    EventSink* sink{};
};
struct LimitsCommand {
    std::optional<std::uint64_t> upload;
    std::optional<std::uint64_t> download;
};
struct ForgetSinkCommand {
    EventSink* sink{};
};
using RequesterMail =
    std::variant<Stop, NewServer, HostTable, NameSettled, PartialProving, PartialOpened, FileSaved,
                 Checked, Signal, FetchCommand, CancelCommand, ListCommand, SearchCommand,
                 CancelSearchCommand, AskerUp, AskerGone, SearchArrived, PeersCommand,
                 StatusCommand, LimitsCommand, ForgetSinkCommand, GatewayMail>;

// Shared by all ----------------------------------------------------------------------------------

// Which host another one is. Among those who know a secret the node id tells. Without one anybody
// may say anybody's, so where it was seen belongs to it.
struct HostKey {
    NodeId node;
    HostAddress seen_at;  // without a port; nowhere where there is a secret

    friend auto operator<=>(const HostKey&, const HostKey&) = default;
};

// Who this process is. Constant after construction.
struct Identity {
    NodeId node;
    std::uint16_t port{};  // where the listener listens
    net::Address bind;     // dials go out from here when it is not a wildcard
    protocol::Secret secret;
    HostAddress advertise;  // in hits; unknown: the address that it is seen at

    [[nodiscard]] HostKey key_of(const NodeId& other, const HostAddress& at) const {
        return {other, secret.present() ? HostAddress{} : HostAddress{at.ip, 0}};
    }
};

struct Traffic {  // with one host
    std::string host;
    std::uint64_t bytes{};  // file data
    RateMeter meter;
};
using TrafficByHost = std::map<HostKey, Traffic>;

// Figures for status and peers. Any thread.
struct Figures {
    std::atomic<std::uint64_t> bytes_sent{0};      // file data
    std::atomic<std::uint64_t> bytes_received{0};  // file data
    std::atomic<std::uint64_t> clients{0};
    std::atomic<std::uint64_t> servers{0};
    std::atomic<std::uint64_t> refused{0};  // connections turned away
    std::atomic<std::uint64_t> bad_messages{0};
    std::atomic<std::uint64_t> unwanted_data{0};  // bytes nobody waited for, or asked twice
    std::atomic<std::uint64_t> downloads{0};      // under way
    std::atomic<std::uint64_t> max_upload{0};
    std::atomic<std::uint64_t> max_download{0};
    std::atomic<std::uint64_t> best_upload{0};  // bytes a second, over a second
    // Of searches: those that came here, what went on for them, and what came of them.
    std::atomic<std::uint64_t> searches_handled{0};
    std::atomic<std::uint64_t> searches_forwarded{0};
    std::atomic<std::uint64_t> searches_duplicate{0};
    std::atomic<std::uint64_t> searches_refused{0};
    std::atomic<std::uint64_t> hits_sent{0};  // messages with own files
    std::atomic<std::uint64_t> hits_relayed{0};
    std::atomic<std::uint64_t> hits_dropped{0};
    std::atomic<std::uint64_t> searches_repaired{0};
    Guarded<std::vector<std::pair<std::string, std::string>>> store;  // Store::take_notes()
    TimePoint started{};
    Guarded<TrafficByHost> sent_to;                // while it is connected
    Guarded<TrafficByHost> received_from;          // likewise
    Guarded<std::vector<std::string>> chunk_maps;  // of downloads, of a second ago at most
};

struct Wiring {
    Identity identity;
    PeerOptions options;
    store::Catalog* catalog{};
    Checks checks;
    Guarded<CacheBook> cache;
    [[nodiscard]] Offers offers() { return {*catalog, &cache}; }
    // What gateways got from the door may outlive it; then it is expired, and it does nothing.
    std::shared_ptr<const bool> life{std::make_shared<const bool>(true)};
    Figures figures;
    net::Mailbox<ConnectorMail> connector;
    net::Mailbox<ListenerMail> listener;
    net::Mailbox<ReaderMail> reader;
    net::Mailbox<RequesterMail> requester;
    net::Mailbox<KeeperMail> keeper;
};

// For std::visit.
template <typename... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace shoal::peer
