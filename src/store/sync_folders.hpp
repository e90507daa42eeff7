// Making renames and new folders last.
#pragma once

#include <set>
#include <string_view>

#include "shoal/store/root.hpp"

namespace shoal::store {

// Syncs these folders ("" is the root) and the ones above them, which may be new.
Status sync_folders(const Root& root, const std::set<std::string_view>& folders);

}  // namespace shoal::store
