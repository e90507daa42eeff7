// insist(): what check_invariants() calls; aborts with a text.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace shoal::swarm {

inline void insist(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "invariant broken: %s\n", what);
        std::abort();
    }
}

}  // namespace shoal::swarm
