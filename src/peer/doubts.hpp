// Doubts: why nobody can say yet that something is not there, or that a listing has all. Pure.
#pragma once

#include <string>
#include <vector>

#include "shoal/base/time.hpp"

namespace shoal::peer {

// So long a gateway waits for those who may know. Then its answer is that it is not known.
inline constexpr Duration doubt_wait_max = std::chrono::seconds(10);

struct Doubts {
    bool starting{false};                     // hosts.txt has not been read
    bool looking{false};                      // this host looks through its own folders, or cannot
    std::vector<std::string> unheard;         // hosts of hosts.txt that were not heard of yet
    std::vector<std::string> silent;          // connected, and do not answer
    std::vector<std::string> starting_hosts;  // connected, and look through their folders
    std::vector<std::string> away;            // lost lately; what they have was never told

    [[nodiscard]] bool any() const {
        return starting || looking || !unheard.empty() || !silent.empty() ||
               !starting_hosts.empty() || !away.empty();
    }
    // "127.0.0.3:8080 does not answer; this host is still looking through its folders". Hosts'
    // names are not escaped.
    [[nodiscard]] std::string text() const;
};

}  // namespace shoal::peer
