// Poller: which descriptors are ready. One owner thread.
//
// SelectPoller is the peer's own; it refuses descriptors >= FD_SETSIZE rather than overrun a
// set. EpollPoller (epoll_poller.hpp) is the gateways', behind the same interface.
#pragma once

#include <sys/select.h>

#include <optional>
#include <vector>

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
    // Waits until something is ready or `timeout` has passed (nullopt: for ever). The list is
    // valid until the next call; each call starts it with another descriptor, so that whoever
    // works it off in order prefers nobody. A signal ends the wait with an empty list. Throws
    // std::system_error when a watched descriptor was closed: forget() comes before close().
    virtual const std::vector<Ready>& wait(std::optional<Duration> timeout) = 0;
};

class SelectPoller final : public Poller {
  public:
    SelectPoller();
    Status watch(int fd, bool read, bool write) override;
    void forget(int fd) override;
    const std::vector<Ready>& wait(std::optional<Duration> timeout) override;

    // The largest descriptor + 1 that select() can watch.
    static int fd_end();

  private:
    void rotate_ready();

    fd_set read_set_;
    fd_set write_set_;
    int highest_{-1};     // of those watched
    int last_first_{-1};  // where the last ready list started
    std::vector<Ready> ready_;
};

}  // namespace shoal::net
