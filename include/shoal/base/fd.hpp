// Fd: owns one file descriptor and closes it. Move-only; a value of -1 owns nothing.
#pragma once

#include <utility>

namespace shoal {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    // Closes what it owned. Write paths that care for close()'s error use close_checked().
    void reset(int fd = -1);

  private:
    int fd_{-1};
};

// Closes `fd` and returns 0 or the errno of close(), which may report a failed write.
int close_checked(Fd fd);

// Raises the soft limit of descriptors to the hard one. Returns the limit in force.
unsigned long raise_descriptor_limit();

// Moves `fd` above select()'s range (F_DUPFD_CLOEXEC), so that the select loops keep theirs.
// Returns the same descriptor when the limit leaves no room there.
Fd move_above_select(Fd fd);

}  // namespace shoal
