// What a peer says of itself: lines of a key and a value, for its own prompt, for `shoal status`
// and for whoever plans a fetch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "peer/mail.hpp"
#include "shoal/base/bitmap.hpp"

namespace shoal::peer {

using StatusLines = std::vector<std::pair<std::string, std::string>>;

// Any thread.
StatusLines status_lines(Wiring& wiring, TimePoint now);
// From a server's answer; lines that are none are left out.
StatusReport parse_status(std::span<const std::uint8_t> payload);
// Bytes a second that a peer with that report can be hoped to send; 0: it cannot be told.
std::uint64_t rate_told(const StatusReport& report);

// A file's chunks in at most 50 characters: '#' all of them are here, '+' some, '.' none.
std::string chunk_map(const Bitmap& held);

}  // namespace shoal::peer
