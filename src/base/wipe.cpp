#include "shoal/base/wipe.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace shoal {

// The limit alone does not bind a core_pattern that is a pipe.
void leave_no_core() {
    const rlimit none{0, 0};
    static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
    static_cast<void>(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

}  // namespace shoal
