// Writing many small files at once: one sync for all of them, then the renames.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "shoal/store/store.hpp"

namespace shoal::store {

// One result a file, in order: the stamp of the finished file.
std::vector<Result<Stamp>> write_small_files(const Root& root, mode_t file_mode,
                                             std::span<const SmallFile> files);

}  // namespace shoal::store
