#include "shoal/net/mailbox.hpp"

#include <cerrno>
#include <system_error>

namespace shoal::net {

WakeUp::WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) {
        throw std::system_error(errno, std::generic_category(), "cannot make a wake-up descriptor");
    }
}

void WakeUp::wake() const {
    const std::uint64_t one = 1;
    // EAGAIN means that the counter is full: a wake is pending, which is all that was asked.
    while (::write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void WakeUp::drain() const {
    std::uint64_t count = 0;
    while (::read(fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
}

}  // namespace shoal::net
