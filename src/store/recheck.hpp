// Looking again at data that no journal vouches for.
#pragma once

#include <vector>

#include "shoal/integrity/geometry.hpp"

namespace shoal::store {

// Chunks of which anything was ever written; all, where the file system cannot tell.
std::vector<ChunkIndex> chunks_with_data(int fd, const integrity::Geometry& geometry);

}  // namespace shoal::store
