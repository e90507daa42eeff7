// Mailbox<T>: how threads talk. Push under the lock, wake by a descriptor, swap the queue out
// under the lock, work on it unlocked. Stopping is a message like any other.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/guarded.hpp"

namespace shoal::net {

// The wake-up descriptor: readable while a wake is pending. Throws std::system_error when the
// process is out of descriptors.
class WakeUp {
  public:
    WakeUp();
    [[nodiscard]] int fd() const { return fd_.get(); }
    void wake() const;   // any thread; coalesces
    void drain() const;  // owner thread

  private:
    Fd fd_;
};

template <typename Message>
class Mailbox {
  public:
    // Any thread. Order is kept per sender.
    void post(Message message) {
        const bool was_empty = queue_.with([&](std::vector<Message>& queue) {
            queue.push_back(std::move(message));
            return queue.size() == 1;
        });
        if (was_empty) {
            wake_up_.wake();
        }
    }

    // Owner thread: everything posted so far.
    std::vector<Message> take() {
        wake_up_.drain();
        return queue_.with([](std::vector<Message>& queue) { return std::exchange(queue, {}); });
    }

    // Owner thread: watch it for reading.
    [[nodiscard]] int fd() const { return wake_up_.fd(); }

  private:
    WakeUp wake_up_;
    Guarded<std::vector<Message>> queue_;
};

}  // namespace shoal::net
