#include "output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace shoal::cli {
namespace {

// A pipe that poll() calls writable takes PIPE_BUF bytes without blocking, not more.
constexpr std::size_t write_max = 4096;
constexpr std::size_t compact_at = 64 * 1024;

// A terminal takes less than that before it blocks, but it can be opened anew without touching
// the flags that the shell's own descriptor shares with us.
Fd open_terminal_again(int fd) {
    if (::isatty(fd) != 1) {
        return {};
    }
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

bool writable(int fd) {
    pollfd ready{fd, POLLOUT, 0};
    return ::poll(&ready, 1, 0) == 1;  // an error or hang-up is for write() to tell
}

}  // namespace

OutputStream::OutputStream(int fd) : fd_(fd), own_(open_terminal_again(fd)) {}

void OutputStream::put(std::string_view bytes) {
    if (failure_ == 0) {
        queue_ += bytes;
    }
}

bool OutputStream::write_some() {
    const std::size_t length = std::min(waiting(), write_max);
    const ssize_t done = ::write(target(), queue_.data() + written_, length);
    if (done > 0) {
        written_ += static_cast<std::size_t>(done);
        return true;
    }
    if (done < 0 && (errno == EINTR || errno == EAGAIN)) {
        return errno == EINTR;
    }
    failure_ = done < 0 ? errno : EIO;
    return false;
}

void OutputStream::write_ready() {
    while (waiting() > 0 && failure_ == 0 && writable(target()) && write_some()) {
    }
    if (failure_ != 0 || waiting() == 0) {
        queue_.clear();
        written_ = 0;
    } else if (written_ > compact_at) {
        queue_.erase(0, written_);
        written_ = 0;
    }
}

Output::Output() : Output(STDOUT_FILENO, STDERR_FILENO) {}
Output::Output(int out_fd, int err_fd) : out_(out_fd), err_(err_fd) {}

void Output::out(std::string_view bytes) {
    out_.put(bytes);
    out_.write_ready();
}

void Output::err(std::string_view bytes) {
    err_.put(bytes);
    err_.write_ready();
}

void Output::write_ready() {
    out_.write_ready();
    err_.write_ready();
}

int Output::waiting_fd() const {
    const int first = out_.waiting_fd();
    return first >= 0 ? first : err_.waiting_fd();
}

void Output::flush(Duration limit) {
    const TimePoint end = steady_now() + limit;
    write_ready();
    while (backlog() > 0 && steady_now() < end) {
        std::array<pollfd, 2> streams{pollfd{out_.waiting_fd(), POLLOUT, 0},
                                      pollfd{err_.waiting_fd(), POLLOUT, 0}};
        constexpr int round_ms = 100;  // the end is looked at that often
        ::poll(streams.data(), streams.size(), round_ms);
        write_ready();
    }
}

}  // namespace shoal::cli
