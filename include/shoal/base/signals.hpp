// Signals, as the process got them from whoever started it.
#pragma once

#include <csignal>

namespace shoal {

// Whether a signal is ignored now: at start, because the parent (nohup, a shell) wants it so.
inline bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace shoal
