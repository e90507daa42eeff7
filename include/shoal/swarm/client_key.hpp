// ClientKey: one connection of a client to this server.
#pragma once

#include <cstdint>

#include "shoal/base/ids.hpp"

namespace shoal::swarm {

using ClientKey = StrongId<struct ClientKeyTag, std::uint64_t>;

}  // namespace shoal::swarm
