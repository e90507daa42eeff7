// What a fetch can tell beside its end: who holds what, and where the time went. Pure.
#pragma once

#include <string>

#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

// The holders of a file, how rare its chunks are, and how long it would take.
std::string plan_text(const peer::FetchDone& done);
// The phases of a fetch in their order, and what each host did.
std::string times_text(const peer::FetchTimes& times);

}  // namespace shoal::cli
