// Looking again at data that no journal vouches for.
#pragma once

#include <vector>

#include "shoal/integrity/merkle.hpp"

namespace shoal::store {

// Chunks of which anything was ever written; all, where the file system cannot tell.
std::vector<ChunkIndex> chunks_with_data(int fd, const integrity::Geometry& geometry);

// The chunk's hash from what is on disk; all zero bytes when it cannot be read.
integrity::Digest hash_chunk(int fd, const integrity::Geometry& geometry, ChunkIndex chunk);

}  // namespace shoal::store
