#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "shoal/net/poller.hpp"

namespace shoal::net {
namespace {

constexpr int low = 128;                    // while all numbers are below, it is not worth it
constexpr std::uint32_t silent_waits = 64;  // after so many calls without a word
constexpr int talking_per_wait = 64;

timespec to_timespec(Duration span) {
    const Duration rest = std::max(span, Duration{0});
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
    timespec time{};
    time.tv_sec = seconds.count();
    time.tv_nsec = (rest - seconds).count();
    return time;
}

Status check(int fd) {
    if (fd < 0) {
        return Error{ErrorKind::bad_input, "cannot watch a descriptor that is not open"};
    }
    if (fd >= SelectPoller::fd_end()) {
        return Error{ErrorKind::busy, "cannot watch descriptor " + std::to_string(fd) +
                                          ": select() takes only those below " +
                                          std::to_string(SelectPoller::fd_end())};
    }
    return {};
}

}  // namespace

SelectPoller::SelectPoller() {
    FD_ZERO(&read_set_);
    FD_ZERO(&write_set_);
    FD_ZERO(&except_set_);
    FD_ZERO(&silent_set_);
}

int SelectPoller::fd_end() { return FD_SETSIZE; }

Status SelectPoller::watch_exceptions(int fd) {
    if (const Status checked = check(fd); !checked) {
        return checked;
    }
    FD_SET(fd, &except_set_);
    highest_ = std::max(highest_, fd);
    return {};
}

Status SelectPoller::watch(int fd, bool read, bool write) {
    if (const Status checked = check(fd); !checked) {
        return checked;
    }
    const bool known = FD_ISSET(fd, &silent_set_) || FD_ISSET(fd, &read_set_);
    if (FD_ISSET(fd, &silent_set_) && read && !write) {
        return {};
    }
    forget(fd);
    add(fd, read, write);
    if (!known) {
        heard_at_[static_cast<std::size_t>(fd)] = waits_;
    }
    return {};
}

void SelectPoller::add(int fd, bool read, bool write) {
    if (read) {
        FD_SET(fd, &read_set_);
    }
    if (write) {
        FD_SET(fd, &write_set_);
    }
    if (read || write) {
        highest_ = std::max(highest_, fd);
    }
}

bool SelectPoller::is_watched(int fd) const {
    return FD_ISSET(fd, &read_set_) || FD_ISSET(fd, &write_set_) || FD_ISSET(fd, &except_set_);
}

void SelectPoller::forget(int fd) {
    if (fd < 0 || fd >= fd_end()) {
        return;
    }
    if (FD_ISSET(fd, &silent_set_)) {
        take_back(fd);
    }
    FD_CLR(fd, &read_set_);
    FD_CLR(fd, &write_set_);
    FD_CLR(fd, &except_set_);
    // The kernel looks at every descriptor up to the highest: keep that one true.
    while (highest_ >= 0 && !is_watched(highest_)) {
        --highest_;
    }
}

const std::vector<Ready>& SelectPoller::wait(std::optional<Duration> timeout) {
    ready_.clear();
    if (++waits_ % silent_waits == 0) {
        set_silent_ones_aside();
    }
    fd_set readable = read_set_;
    fd_set writable = write_set_;
    fd_set exceptional = except_set_;
    timeout = within_beat(timeout);
    const timespec time = to_timespec(timeout.value_or(Duration{0}));
    int bits_left = ::pselect(highest_ + 1, &readable, &writable, &exceptional,
                              timeout ? &time : nullptr, nullptr);
    if (bits_left < 0 && errno != EINTR) {
        // EBADF: someone closed what is still watched. Going on would spin or serve a stranger.
        throw std::system_error(errno, std::generic_category(), "select() on a closed descriptor");
    }
    bool talking = false;
    for (int fd = 0; bits_left > 0 && fd <= highest_; ++fd) {
        const bool has_news = FD_ISSET(fd, &readable) || FD_ISSET(fd, &exceptional);
        const Ready one{fd, has_news, FD_ISSET(fd, &writable) != 0};
        if (!one.readable && !one.writable) {
            continue;
        }
        bits_left -= int{one.readable} + int{one.writable};
        if (fd == silent_ones_.get()) {
            talking = true;
            continue;
        }
        heard_at_[static_cast<std::size_t>(fd)] = waits_;
        ready_.push_back(one);
    }
    if (talking) {
        collect_talking();
    }
    rotate_ready();
    return ready_;
}

void SelectPoller::set_silent_ones_aside() {
    if (highest_ < low) {
        return;
    }
    for (int fd = 0; fd <= highest_; ++fd) {
        const bool only_reads = FD_ISSET(fd, &read_set_) && !FD_ISSET(fd, &write_set_);
        const std::uint32_t since = waits_ - heard_at_[static_cast<std::size_t>(fd)];
        if (only_reads && since >= silent_waits && fd != silent_ones_.get() && !set_aside(fd)) {
            return;
        }
    }
}

// False when there can be no such set: then select() goes on looking at all of them.
bool SelectPoller::set_aside(int fd) {
    if (!silent_ones_) {
        silent_ones_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
        if (!silent_ones_ || silent_ones_.get() >= fd_end()) {
            silent_ones_ = Fd();
            return false;
        }
        add(silent_ones_.get(), true, false);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(silent_ones_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return false;
    }
    forget(fd);
    FD_SET(fd, &silent_set_);
    ++silent_count_;
    return true;
}

void SelectPoller::take_back(int fd) {
    if (::epoll_ctl(silent_ones_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                "a watched descriptor was closed before it was forgotten");
    }
    FD_CLR(fd, &silent_set_);
    --silent_count_;
}

// Whoever of the silent ones has something is looked at by select() from now on.
void SelectPoller::collect_talking() {
    std::array<epoll_event, talking_per_wait> events{};
    const int count = ::epoll_wait(silent_ones_.get(), events.data(), talking_per_wait, 0);
    for (int at = 0; at < count; ++at) {
        const int fd = events[static_cast<std::size_t>(at)].data.fd;
        take_back(fd);
        add(fd, true, false);
        heard_at_[static_cast<std::size_t>(fd)] = waits_;
        ready_.push_back({fd, true, false});
    }
    std::sort(ready_.begin(), ready_.end(),
              [](const Ready& a, const Ready& b) { return a.fd < b.fd; });
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
