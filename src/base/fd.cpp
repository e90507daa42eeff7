#include "shoal/base/fd.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "shoal/base/limits.hpp"

namespace shoal {

void Fd::reset(int fd) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) {
        const int saved = errno;  // a destructor must not spoil the error being reported
        ::close(old);
        errno = saved;
    }
}

int close_checked(Fd fd) {
    // Linux has closed the descriptor even when close() says EINTR: never call it twice.
    return ::close(fd.release()) == 0 || errno == EINTR ? 0 : errno;
}

unsigned long raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return limits::select_fd_end;
    }
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

Fd move_above_select(Fd fd) {
    if (fd.get() < 0 || fd.get() >= limits::select_fd_end) {
        return fd;
    }
    Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, limits::select_fd_end));
    return moved ? std::move(moved) : std::move(fd);
}

}  // namespace shoal
