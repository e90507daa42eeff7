// One page of a server's listing: the question, and what the answer is worth. Requester's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "peer/server_link.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::peer {

// Names beneath `prefix` that come behind `cursor`.
protocol::clientMessage list_question(const std::string& prefix, const std::string& cursor);

// Nullopt: refused, or the link is gone; it ends here for a page that makes no sense.
std::optional<std::vector<protocol::ListingRecord>> take_page(ServerLink& link, const Reply& reply,
                                                              const std::string& cursor);

}  // namespace shoal::peer
