// EpollPoller: the Poller for thousands of descriptors of any number (epoll(7), level-triggered).
//
// It differs from select() in one thing: the kernel forgets a watched descriptor that is closed
// without a word, so it is forget() that throws then, not wait().
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/net/poller.hpp"

namespace shoal::net {

class EpollPoller final : public Poller {
  public:
    // Throws std::system_error when the process is out of descriptors. Its own descriptor lies
    // above select()'s range.
    EpollPoller();

    // A hang-up or an error makes a descriptor ready for whatever was asked.
    Status watch(int fd, bool read, bool write) override;
    // Tells each change once (EPOLLET): new bytes, new room, the end; whoever is told goes on
    // until the descriptor blocks. Until forget().
    Status watch_edges(int fd);
    void forget(int fd) override;
    // At most 256 descriptors a call; those left over come first in the next.
    const std::vector<Ready>& wait(std::optional<Duration> timeout) override;

  private:
    Status set_interest(int fd, std::uint32_t events, std::uint32_t flags);
    [[nodiscard]] std::uint32_t interest(int fd) const;

    Fd epoll_;
    std::vector<std::uint8_t> interests_;  // by descriptor: the events asked for, 0 for none
    std::vector<epoll_event> events_;
    std::vector<Ready> ready_;
    std::size_t turn_{0};
};

}  // namespace shoal::net
