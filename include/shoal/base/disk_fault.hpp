// Files that are offered and cannot be read: told to who asks, and said where the disk is.
#pragma once

#include <string_view>

namespace shoal {

// Whether a call that moves bytes from a file to a socket failed on the file's side.
bool is_disk_fault(int error_number);
// A warning in the log, at most one in ten seconds. Any thread.
void warn_of_disk(std::string_view name, int error_number);

}  // namespace shoal
