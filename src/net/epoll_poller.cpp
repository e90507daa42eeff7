#include "shoal/net/epoll_poller.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace shoal::net {
namespace {

constexpr std::size_t events_per_wait = 256;
static_assert((EPOLLIN | EPOLLOUT) <= UINT8_MAX, "interests fit a byte each");

// Rounded up: a wait never ends before its time.
int to_milliseconds(std::optional<Duration> span) {
    if (!span) {
        return -1;
    }
    const auto whole = std::chrono::ceil<std::chrono::milliseconds>(std::max(*span, Duration{0}));
    return static_cast<int>(std::min<std::int64_t>(whole.count(), 24 * 3600 * 1000));
}

}  // namespace

EpollPoller::EpollPoller()
    : epoll_(move_above_select(Fd(::epoll_create1(EPOLL_CLOEXEC)))), events_(events_per_wait) {
    if (!epoll_) {
        throw std::system_error(errno, std::generic_category(), "cannot make an epoll descriptor");
    }
}

std::uint32_t EpollPoller::interest(int fd) const {
    const auto index = static_cast<std::size_t>(fd);
    return fd >= 0 && index < interests_.size() ? interests_[index] : 0U;
}

Status EpollPoller::watch(int fd, bool read, bool write) {
    const std::uint32_t events =
        (read ? unsigned{EPOLLIN} : 0U) | (write ? unsigned{EPOLLOUT} : 0U);
    if (fd >= 0 && events == interest(fd)) {
        return {};
    }
    if (fd >= 0 && events == 0) {
        forget(fd);
        return {};
    }
    return set_interest(fd, events, 0);
}

Status EpollPoller::watch_edges(int fd) {
    return set_interest(fd, unsigned{EPOLLIN} | unsigned{EPOLLOUT},
                        unsigned{EPOLLET} | unsigned{EPOLLRDHUP});
}

Status EpollPoller::set_interest(int fd, std::uint32_t events, std::uint32_t flags) {
    if (fd < 0) {
        return Error{ErrorKind::bad_input, "cannot watch a descriptor that is not open"};
    }
    epoll_event event{};
    event.events = events | flags;
    event.data.fd = fd;
    const int change = interest(fd) == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_.get(), change, fd, &event) != 0) {
        return system_error("cannot watch descriptor " + std::to_string(fd), errno);
    }
    const auto index = static_cast<std::size_t>(fd);
    if (index >= interests_.size()) {
        interests_.resize(index + 1);
    }
    interests_[index] = static_cast<std::uint8_t>(events);
    return {};
}

void EpollPoller::forget(int fd) {
    if (interest(fd) == 0) {
        return;
    }
    interests_[static_cast<std::size_t>(fd)] = 0;
    epoll_event unused{};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                "a descriptor was closed while it was watched");
    }
}

const std::vector<Ready>& EpollPoller::wait(std::optional<Duration> timeout) {
    ready_.clear();
    const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                   to_milliseconds(within_beat(timeout)));
    if (count < 0 && errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "epoll_wait() failed");
    }
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events_[static_cast<std::size_t>(i)];
        const std::uint32_t asked = interest(event.data.fd);
        const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
        ready_.push_back({event.data.fd,
                          (asked & EPOLLIN) != 0 && (broken || event.events & EPOLLIN),
                          (asked & EPOLLOUT) != 0 && (broken || event.events & EPOLLOUT),
                          (event.events & EPOLLRDHUP) != 0});
    }
    if (!ready_.empty()) {
        const auto start = static_cast<std::ptrdiff_t>(turn_++ % ready_.size());
        std::rotate(ready_.begin(), ready_.begin() + start, ready_.end());
    }
    return ready_;
}

}  // namespace shoal::net
