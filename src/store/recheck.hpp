// Looking again at data that no journal vouches for.
#pragma once

#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/integrity/geometry.hpp"

namespace shoal::store {

// Chunks of which anything was ever written; all, where the file system cannot tell.
std::vector<ChunkIndex> chunks_with_data(int fd, const integrity::Geometry& geometry);

// Those that are set.
std::vector<ChunkIndex> chunks_in(const Bitmap& held);

}  // namespace shoal::store
