// Opening below a folder without ever following a symbolic link.
#pragma once

#include <string_view>

#include "shoal/base/fd.hpp"

namespace shoal::store {

// `relative` is a checked path, "" for the folder itself; O_CLOEXEC is added to `flags`.
// Without success the descriptor is empty and errno tells why; a link is ELOOP or ENOTDIR.
Fd open_beneath(int folder, std::string_view relative, int flags);

// For tests: off makes open_beneath() do without openat2(2), as on old kernels.
void use_openat2(bool on);

}  // namespace shoal::store
