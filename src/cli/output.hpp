// Output: stdout and stderr as queues that are written only as fast as somebody reads them, so
// that a stopped pager or a full pipe never holds up the requester.
//
// Belongs to one thread. Bytes of one stream stay in order; the two do not wait for each other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/base/time.hpp"

namespace shoal::cli {

class OutputStream {
  public:
    // `fd` stays its owner's.
    explicit OutputStream(int fd);

    void put(std::string_view bytes);
    // Writes what poll(2) lets it write now.
    void write_ready();
    // The descriptor while something waits, else -1.
    [[nodiscard]] int waiting_fd() const { return waiting() > 0 ? target() : -1; }
    [[nodiscard]] std::size_t waiting() const { return queue_.size() - written_; }
    // 0, or the errno that ended it: EPIPE when the reader is gone. What comes later is dropped.
    [[nodiscard]] int failure() const { return failure_; }

  private:
    [[nodiscard]] int target() const { return own_ ? own_.get() : fd_; }
    bool write_some();

    int fd_;
    Fd own_;  // a terminal opened once more, non-blocking for us alone
    std::string queue_;
    std::size_t written_{0};  // bytes of the queue's front that are out
    int failure_{0};
};

class Output {
  public:
    Output();
    Output(int out_fd, int err_fd);

    void out(std::string_view bytes);
    void err(std::string_view bytes);
    void write_ready();
    [[nodiscard]] int waiting_fd() const;
    // Bytes that nobody has read yet; callers leave out the merely nice when it grows.
    [[nodiscard]] std::size_t backlog() const { return out_.waiting() + err_.waiting(); }
    // stdout's errno, 0 while it is fine.
    [[nodiscard]] int failure() const { return out_.failure(); }
    // Writes what waits, for at most `limit`.
    void flush(Duration limit);

  private:
    OutputStream out_;
    OutputStream err_;
};

}  // namespace shoal::cli
