#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "shoal/net/poller.hpp"

namespace shoal::net {
namespace {

timespec to_timespec(Duration span) {
    const Duration rest = std::max(span, Duration{0});
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
    timespec time{};
    time.tv_sec = seconds.count();
    time.tv_nsec = (rest - seconds).count();
    return time;
}

}  // namespace

SelectPoller::SelectPoller() {
    FD_ZERO(&read_set_);
    FD_ZERO(&write_set_);
}

int SelectPoller::fd_end() { return FD_SETSIZE; }

Status SelectPoller::watch(int fd, bool read, bool write) {
    if (fd < 0) {
        return Error{ErrorKind::bad_input, "cannot watch a descriptor that is not open"};
    }
    if (fd >= fd_end()) {
        return Error{ErrorKind::busy, "cannot watch descriptor " + std::to_string(fd) +
                                          ": select() takes only those below " +
                                          std::to_string(fd_end())};
    }
    forget(fd);
    if (read) {
        FD_SET(fd, &read_set_);
    }
    if (write) {
        FD_SET(fd, &write_set_);
    }
    if (read || write) {
        highest_ = std::max(highest_, fd);
    }
    return {};
}

void SelectPoller::forget(int fd) {
    if (fd < 0 || fd >= fd_end()) {
        return;
    }
    FD_CLR(fd, &read_set_);
    FD_CLR(fd, &write_set_);
    // The kernel looks at every descriptor up to the highest: keep that one true.
    while (highest_ >= 0 && !FD_ISSET(highest_, &read_set_) && !FD_ISSET(highest_, &write_set_)) {
        --highest_;
    }
}

const std::vector<Ready>& SelectPoller::wait(std::optional<Duration> timeout) {
    ready_.clear();
    fd_set readable = read_set_;
    fd_set writable = write_set_;
    const timespec time = to_timespec(timeout.value_or(Duration{0}));
    int bits_left =
        ::pselect(highest_ + 1, &readable, &writable, nullptr, timeout ? &time : nullptr, nullptr);
    if (bits_left < 0 && errno != EINTR) {
        // EBADF: someone closed what is still watched. Going on would spin or serve a stranger.
        throw std::system_error(errno, std::generic_category(), "select() on a closed descriptor");
    }
    for (int fd = 0; bits_left > 0 && fd <= highest_; ++fd) {
        const Ready one{fd, FD_ISSET(fd, &readable) != 0, FD_ISSET(fd, &writable) != 0};
        if (one.readable || one.writable) {
            ready_.push_back(one);
            bits_left -= int{one.readable} + int{one.writable};
        }
    }
    rotate_ready();
    return ready_;
}

void SelectPoller::rotate_ready() {
    if (ready_.empty()) {
        return;
    }
    const auto start = std::find_if(ready_.begin(), ready_.end(),
                                    [this](const Ready& one) { return one.fd > last_first_; });
    std::rotate(ready_.begin(), start == ready_.end() ? ready_.begin() : start, ready_.end());
    last_first_ = ready_.front().fd;
}

}  // namespace shoal::net
