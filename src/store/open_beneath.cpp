#include "open_beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

namespace shoal::store {
namespace {

std::atomic<bool> openat2_usable{true};

int open_in_one(int folder, const std::string& relative, int flags) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, folder, relative.c_str(), &how, sizeof how));
}

// One component at a time, each held by descriptor: what is swapped behind us stays behind.
Fd open_in_steps(int folder, std::string_view relative, int flags) {
    Fd step;
    for (;;) {
        const std::size_t slash = relative.find('/');
        const std::string component(relative.substr(0, slash));
        const bool last = slash == relative.npos;
        const int at = step ? step.get() : folder;
        Fd next(::openat(at, component.c_str(),
                         (last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW));
        if (!next || last) {
            return next;
        }
        step = std::move(next);
        relative.remove_prefix(slash + 1);
    }
}

}  // namespace

void use_openat2(bool on) { openat2_usable = on; }

Fd open_beneath(int folder, std::string_view relative, int flags) {
    flags |= O_CLOEXEC;
    const std::string path(relative.empty() ? "." : relative);
    if (openat2_usable) {
        Fd fd(open_in_one(folder, path, flags));
        if (fd || (errno != ENOSYS && errno != EPERM && errno != EAGAIN)) {
            return fd;
        }
        // Not known to the kernel, or denied by a seccomp filter that does not know it.
        if (errno == ENOSYS) {
            openat2_usable = false;
        }
    }
    return open_in_steps(folder, path, flags);
}

}  // namespace shoal::store
