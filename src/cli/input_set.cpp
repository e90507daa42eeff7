#include "input_set.hpp"

#include <poll.h>
#include <sys/epoll.h>

namespace shoal::cli {

bool InputSet::readable(int fd) {
    pollfd ready{fd, POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
}

void InputSet::open(int input_fd, int log_fd) {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    input_fd_ = input_fd;
    epoll_event event{};
    event.events = EPOLLIN;
    if (log_fd >= 0) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, log_fd, &event);
    }
    watch_input(true);
}

void InputSet::watch_input(bool wanted) {
    if (wanted == watching_) {
        return;
    }
    watching_ = wanted;
    epoll_event event{};
    event.events = EPOLLIN;
    const int change = wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
    // EPERM: a file. Whatever else goes wrong, read() tells it.
    always_ready_ = ::epoll_ctl(epoll_.get(), change, input_fd_, &event) != 0 && wanted;
}

}  // namespace shoal::cli
