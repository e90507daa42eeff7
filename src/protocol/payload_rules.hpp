// Which payload belongs to which serverMessage.
#pragma once

#include <string_view>

#include "shoal/protocol/messages.hpp"

namespace shoal::protocol {

// Empty when payloadSize, and what it is reckoned from, is as docs/protocol.md says; else what
// is wrong. A message without fault may be received: its payload is bounded.
std::string_view payload_fault(const serverMessage& message);

}  // namespace shoal::protocol
