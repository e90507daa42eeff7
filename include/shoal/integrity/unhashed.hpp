// What stands for a file whose root is not known yet, in lists and on the wire: its size, with a
// root that no file of that size has.
#pragma once

#include "shoal/integrity/digest.hpp"

namespace shoal::integrity {

inline FileId unhashed(std::uint64_t size) {
    FileId id{size, {}};
    id.root.bytes.fill(size == 0 ? 0xff : 0);
    return id;
}
inline bool is_unhashed(const FileId& id) { return id == unhashed(id.size); }

}  // namespace shoal::integrity
