// Encoding and decoding of the two structs, through cereal's portable binary archive pinned to
// little-endian, into fixed stack buffers. Pure; any thread. cereal's exceptions end here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shoal/base/result.hpp"
#include "shoal/protocol/messages.hpp"

namespace shoal::protocol {

using ClientBytes = std::array<std::uint8_t, limits::client_message_size>;
using ServerBytes = std::array<std::uint8_t, limits::server_message_size>;

ClientBytes encode(const clientMessage& message);
ServerBytes encode(const serverMessage& message);

// Checks the frame itself: magic, pathLength and prefixLength in range, reserved bytes zero.
// Types, statuses and versions are left to the caller: unknown ones get a defined answer.
Result<clientMessage> decode_client(std::span<const std::uint8_t, limits::client_message_size> raw);
// Also checks that payloadSize is what type, status, fileSize, first, count and held say (the
// table in docs/protocol.md), so that it may be received as it stands: at most run_leaves_max
// leaves for data, control_payload_max otherwise. Types it does not know keep that bound only.
Result<serverMessage> decode_server(std::span<const std::uint8_t, limits::server_message_size> raw);

// Listing pages.
void append_record(std::vector<std::uint8_t>& page, const ListingRecord& record);
// Views into `page`. The error names the first bad record; sizes and lengths are bounded, names
// ascend bytewise. Whether a name is a safe path is for its user to check.
Result<std::vector<ListingRecord>> parse_listing(std::span<const std::uint8_t> page);

// Digest lists.
// The further chunks of a `have`.
void append_chunk(std::vector<std::uint8_t>& payload, ChunkIndex chunk);
std::vector<ChunkIndex> unpack_chunks(std::span<const std::uint8_t> payload);

std::vector<std::uint8_t> pack_digests(std::span<const integrity::Digest> digests);
// payload.size() is a multiple of 32: decode_server saw to it.
std::vector<integrity::Digest> unpack_digests(std::span<const std::uint8_t> payload);

}  // namespace shoal::protocol
