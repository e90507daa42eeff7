// InputSet: watches stdin and the log at once, since a front end may name one descriptor only.
#pragma once

#include "shoal/base/fd.hpp"

namespace shoal::cli {

class InputSet {
  public:
    void open(int input_fd, int log_fd);
    [[nodiscard]] int fd() const { return epoll_.get(); }
    // Stops and goes on watching the input, without losing the log.
    void watch_input(bool wanted);
    // A plain file cannot be watched, nor need it be.
    [[nodiscard]] bool always_ready() const { return always_ready_ && watching_; }

    // Whether reading `fd` would not block now.
    static bool readable(int fd);

  private:
    Fd epoll_;
    int input_fd_{-1};
    bool always_ready_{false};
    bool watching_{false};
};

}  // namespace shoal::cli
