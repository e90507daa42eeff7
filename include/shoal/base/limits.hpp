// Every limit of the program in one place, tied together by static_assert.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace shoal::limits {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;
inline constexpr std::uint64_t TiB = 1024 * GiB;

// Files and their trees (BEP 52 leaves).
inline constexpr std::uint32_t leaf_size = 16 * KiB;
inline constexpr std::uint32_t chunk_size_min = 64 * KiB;
inline constexpr std::uint32_t chunk_size_max = 4 * MiB;
inline constexpr std::uint32_t chunk_count_target = 4096;
inline constexpr std::uint64_t file_size_max = 1 * TiB;
inline constexpr std::uint32_t leaves_per_chunk_max = chunk_size_max / leaf_size;
inline constexpr std::uint32_t chunk_count_max = file_size_max / chunk_size_max;

// Wire.
inline constexpr std::size_t client_message_size = 512;
inline constexpr std::size_t server_message_size = 128;
inline constexpr std::size_t path_max = 400;  // bytes of UTF-8
inline constexpr std::size_t path_component_max = 255;
inline constexpr std::uint32_t run_leaves_max = 64;  // one request: at most 1 MiB
inline constexpr std::uint32_t hashes_per_reply_max = 2048;
inline constexpr std::uint32_t more_chunks_max = 1024;          // in a `have`, beyond its first run
inline constexpr std::uint32_t control_payload_max = 64 * KiB;  // anything but file data
inline constexpr std::uint32_t refusal_text_max = 1 * KiB;      // why, for people

// One connection, as the server sees it.
inline constexpr std::uint32_t requests_per_client_max = 1024;  // queued, unanswered
inline constexpr std::uint32_t subscriptions_per_client_max = 256;
inline constexpr std::uint32_t send_quantum = 256 * KiB;   // per client and turn
inline constexpr std::uint32_t receive_slice_leaves = 16;  // written, or hashed, at a time

// Searches.
inline constexpr std::uint8_t search_ttl_default = 7;
inline constexpr std::uint8_t search_ttl_max = 15;       // hops and TTL together
inline constexpr std::size_t search_stack_max = 14;      // addresses between origin and sender
inline constexpr std::size_t search_question_max = 128;  // bytes
inline constexpr std::uint32_t search_wait_ms_max = 60'000;
inline constexpr std::size_t hits_per_host_max = 200;    // one message
inline constexpr std::uint32_t searches_open_max = 256;  // unanswered, on one connection
inline constexpr std::size_t host_address_size = 18;     // on the wire

// Connections. select() must never see a descriptor >= FD_SETSIZE (1024).
inline constexpr int select_fd_end = 1024;
inline constexpr std::uint32_t clients_max_default = 400;
inline constexpr std::uint32_t clients_per_address_default = 64;
inline constexpr std::uint32_t servers_max = 400;  // client sockets of the requester
inline constexpr std::uint32_t dials_max = 128;    // of the connector, at once
inline constexpr int select_reserve = 64;          // mailboxes, listening, files being opened
// Clients, servers and dials share the rest of select()'s descriptors; beside so many clients,
// these are left. `clients_max` is at most clients_limit.
inline constexpr std::uint32_t select_room = select_fd_end - select_reserve;
inline constexpr std::uint32_t clients_limit = select_room - 32;
constexpr std::uint32_t dials_beside(std::uint32_t clients_max) {
    return std::min(dials_max, (select_room - clients_max) / 2);
}
constexpr std::uint32_t servers_beside(std::uint32_t clients_max) {
    return std::min(servers_max, select_room - clients_max - dials_beside(clients_max));
}
inline constexpr std::uint32_t hosts_max = 4096;  // lines of hosts.txt that are used

// Gateways.
inline constexpr std::size_t browse_rows_max = 200'000;   // entries of one folder
inline constexpr std::size_t told_bytes_max = 128 * MiB;  // of what hosts told of their folders

static_assert(file_size_max / leaf_size <= UINT32_MAX, "leaf counts fit 32 bits");
static_assert(chunk_count_max / 8 <= control_payload_max, "a bitmap fits one payload");
static_assert(hashes_per_reply_max * 32 <= control_payload_max, "so does a page of hashes");
static_assert(leaves_per_chunk_max <= hashes_per_reply_max, "and a chunk's leaves");
static_assert(search_stack_max * host_address_size + search_question_max <= path_max,
              "a search fits the path");
static_assert(servers_beside(clients_max_default) == servers_max &&
                  dials_beside(clients_max_default) == dials_max,
              "all of them by default");

}  // namespace shoal::limits
