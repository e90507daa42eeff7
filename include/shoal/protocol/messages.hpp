// clientMessage and serverMessage: the two structs of the wire. docs/protocol.md is the page
// for people; its tables and these structs are the same thing said twice.
//
// A client sends clientMessage (512 bytes), a server sends serverMessage (128 bytes) followed
// by payloadSize raw bytes. Little-endian; text is UTF-8; reserved bytes are zero.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "shoal/base/ids.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/integrity/digest.hpp"

namespace shoal::protocol {

inline constexpr std::uint32_t magic = 0x314c4853;  // "SHL1" as bytes on the wire
inline constexpr std::uint16_t version = 1;
inline constexpr std::size_t mac_size = 16;

using Mac = std::array<std::uint8_t, mac_size>;

enum class ClientType : std::uint16_t {
    hello = 1,         // first message: version, nodeId, port, nonce in digest
    proof = 2,         // with a secret: the client's proof in digest
    query = 3,         // path: do you have it?
    list = 4,          // path[0, prefixLength): how names begin; whole path: cursor
    chunk_hashes = 5,  // (fileSize, digest), first chunk, count
    leaf_hashes = 6,   // (fileSize, digest), first = chunk
    request = 7,       // (fileSize, digest), first leaf, count: send these leaves
    cancel = 8,        // first = id of the request that is no longer wanted
    status = 9,        // tell about yourself
    subscribe = 10,    // (fileSize, digest): what do you hold, and tell me when it grows
    unsubscribe = 11,  // first = id of the subscription
    search = 32,       // protocol/search.hpp
    // 33..47 search, 48..63 mirroring, 64..79 gateways: reserved.
};

// A refusal of whatever was asked is an `answer`; the other types say ok (or pending: file).
enum class ServerType : std::uint16_t {
    hello = 1,         // answers hello
    answer = 2,        // refusals; ok only to proof and unsubscribe; payload: text saying why
    file = 3,          // answers query: fileSize, digest, held, mtime in first
    listing = 4,       // payload: listing records
    chunk_hashes = 5,  // payload: count digests from chunk first
    leaf_hashes = 6,   // payload: count digests, leaves of chunk first
    data = 7,          // payload: the leaves first .. first + count
    status = 8,        // payload: UTF-8 lines "key value"
    holding = 9,       // answers subscribe: held; payload: bitmap unless none or all is held
    have = 10,         // pushed: chunks first .. first + count of subscription id are held now
    closing = 11,      // pushed: no new requests, what is under way completes
    hits = 32,         // pushed: files that a search has found; protocol/search.hpp
    search_done = 33,  // answers search: all is told; what it cost
    // 34..47 search, 48..63 mirroring, 64..79 gateways: reserved.
};

enum class Status : std::uint16_t {
    ok = 0,
    pending = 1,      // known, being hashed; the final answer follows under the same id
    not_found = 2,    // no such name, or no such (size, root)
    not_held = 3,     // known, but not those chunks
    changed = 4,      // the file is no longer what it was; the bytes under this id are stale
    unreadable = 5,   // this host may not read it
    bad_request = 6,  // past the end, not a number that fits, a bad name
    closing = 7,      // draining
    busy = 8,         // a limit is reached; ask again later
    cancelled = 9,    // as you asked
    unknown_type = 10,
    unknown_version = 11,
    not_let_in = 12,  // no secret, or a wrong proof
    io_error = 13,    // the server's disk failed
};

// For people: "not_held", or "77, which this host does not know".
std::string status_text(std::uint16_t status);

// Bits of clientMessage.flags and serverMessage.flags.
inline constexpr std::uint16_t flag_authenticated = 1;  // hello: I have a secret
inline constexpr std::uint16_t flag_substitute = 2;     // request: another run will do as well
inline constexpr std::uint16_t flag_last_page = 4;      // listing: nothing follows
inline constexpr std::uint16_t flag_more = 8;           // hits: the host has more than it shows
// listing, last page: names may be missing; file, pending: that may be no name at all
inline constexpr std::uint16_t flag_incomplete = 16;
inline constexpr std::uint16_t flag_being_written = 32;  // file, pending: it waits for its writer

struct clientMessage {
    std::uint32_t magic{protocol::magic};
    std::uint16_t type{};
    std::uint16_t flags{};
    std::uint64_t id{};          // chosen by the client, answers repeat it; 0 is never used
    std::uint64_t fileSize{};    // bytes
    integrity::Digest digest;    // root of the file; nonce of a hello; a proof
    std::uint64_t first{};       // leaf, chunk, generation or id, as the type says
    std::uint32_t count{};       // leaves or chunks
    std::uint16_t pathLength{};  // bytes used of path
    std::uint16_t prefixLength{};
    NodeId nodeId;
    std::array<std::uint8_t, limits::path_max> path{};
    std::uint16_t port{};     // hello: where this host's server listens; 0: nowhere
    std::uint16_t version{};  // hello
    std::uint32_t reserved{};
    Mac mac{};  // zero without a secret

    [[nodiscard]] std::string_view path_text() const {
        return {reinterpret_cast<const char*>(path.data()), pathLength};
    }
    // Throws std::length_error when `text` is longer than limits::path_max: names are checked
    // long before.
    void set_path(std::string_view text);
};

struct serverMessage {
    std::uint32_t magic{protocol::magic};
    std::uint16_t type{};
    std::uint16_t status{};
    std::uint64_t id{};
    std::uint64_t payloadSize{};
    std::uint64_t fileSize{};
    integrity::Digest digest;
    std::uint64_t first{};
    std::uint32_t count{};
    std::uint16_t flags{};
    std::uint16_t port{};
    std::uint64_t held{};  // chunks held of the file
    NodeId nodeId;
    std::uint16_t version{};
    std::array<std::uint8_t, 6> reserved{};
    Mac mac{};
};

// No struct is copied to the wire raw, but their fields leave no holes, so the sizes agree.
static_assert(sizeof(clientMessage) == limits::client_message_size);
static_assert(sizeof(serverMessage) == limits::server_message_size);

// One record of a listing page:
//   u16 nameLength, u64 fileSize, 32 root, u64 held chunks, i64 mtime (s), name bytes
// A pending file has the root of integrity::unhashed().
struct ListingRecord {
    std::string_view name;
    integrity::FileId id;
    std::uint64_t held{};
    std::int64_t mtime{};
};
inline constexpr std::size_t listing_record_head = 2 + 8 + 32 + 8 + 8;

}  // namespace shoal::protocol
