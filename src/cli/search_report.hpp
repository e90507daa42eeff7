// Reports of searches, as text for people. Pure; every line ends with '\n'.
#pragma once

#include <string>

#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

// One row a content, numbered from 1; with `show_path` the hosts beneath it, each with its way.
std::string search_table(const peer::SearchResults& results, bool show_path);
// How many files, and the price; or why there are none.
std::string search_summary(const peer::SearchResults& results);
int search_code(const peer::SearchResults& results);

}  // namespace shoal::cli
