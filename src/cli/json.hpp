// Events as JSON (RFC 8259), one object a line. The field names stand in the manual page.
#pragma once

#include <string>

#include "shoal/base/json.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

std::string json_line(const peer::Event& event);

}  // namespace shoal::cli
