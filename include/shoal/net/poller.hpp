// Poller: which descriptors are ready. One owner thread.
//
// SelectPoller is the peer's own; it refuses descriptors >= FD_SETSIZE rather than overrun a
// set. EpollPoller (epoll_poller.hpp) is the gateways', behind the same interface.
#pragma once

#include <sys/select.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/base/time.hpp"

namespace shoal::net {

struct Ready {
    int fd{-1};
    bool readable{false};
    bool writable{false};
    bool ended{false};  // the other side sends no more; told by EpollPoller::watch_edges() only
};

class Poller {
  public:
    virtual ~Poller() = default;

    // Adds or changes the interest in `fd`; neither means: forget it.
    // ErrorKind::busy when the back end cannot watch that descriptor.
    virtual Status watch(int fd, bool read, bool write) = 0;
    virtual void forget(int fd) = 0;
    // Waits until something is ready or `timeout` has passed (nullopt: for ever), but with a
    // Heartbeat never longer than a beat: the list may be empty before the time. The list is
    // valid until the next call; each call starts it with another descriptor, so that whoever
    // works it off in order prefers nobody. A signal ends the wait with an empty list. Throws
    // std::system_error when a watched descriptor was closed: forget() comes before close().
    virtual const std::vector<Ready>& wait(std::optional<Duration> timeout) = 0;
};

// select() looks at each descriptor twice a call, so hundreds of silent clients would make
// everybody else's answers late. When there are high numbers, those from which nothing has come for
// a while wait in an epoll set, of which select() sees one descriptor, until something comes. When
// one is closed there, it is forget() that throws.
class SelectPoller final : public Poller {
  public:
    SelectPoller();
    Status watch(int fd, bool read, bool write) override;
    void forget(int fd) override;
    const std::vector<Ready>& wait(std::optional<Duration> timeout) override;
    // Watches `fd`, until forget(), for what select() calls exceptional, such as a change of
    // /proc/self/mountinfo; told as `readable`. Not for one that is watched otherwise.
    Status watch_exceptions(int fd);

    // The largest descriptor + 1 that select() can watch.
    static int fd_end();
    // How many wait in the epoll set.
    [[nodiscard]] std::size_t silent() const { return silent_count_; }

  private:
    void add(int fd, bool read, bool write);
    [[nodiscard]] bool is_watched(int fd) const;
    void set_silent_ones_aside();
    bool set_aside(int fd);
    void take_back(int fd);
    void collect_talking();
    void rotate_ready();

    fd_set read_set_;
    fd_set write_set_;
    fd_set except_set_;
    fd_set silent_set_;  // those in the epoll set
    Fd silent_ones_;     // the epoll set; made when there is somebody for it
    std::size_t silent_count_{0};
    std::uint32_t waits_{0};
    std::array<std::uint32_t, FD_SETSIZE> heard_at_{};  // by descriptor: of which wait it was ready
    int highest_{-1};                                   // of those that select() looks at
    int last_first_{-1};                                // where the last ready list started
    std::vector<Ready> ready_;
};

}  // namespace shoal::net
