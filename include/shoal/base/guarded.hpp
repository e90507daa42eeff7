// Guarded<T>: data that threads share, reachable only through its lock.
#pragma once

#include <mutex>
#include <utility>

namespace shoal {

template <typename T>
class Guarded {
  public:
    template <typename... Args>
    explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

    // Holds the lock for its lifetime. Keep it short, call nothing that blocks.
    class Access {
      public:
        Access(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
        T* operator->() { return value_; }
        T& operator*() { return *value_; }

      private:
        std::unique_lock<std::mutex> lock_;
        T* value_;
    };

    [[nodiscard]] Access lock() { return Access(mutex_, value_); }

    template <typename Function>
    decltype(auto) with(Function&& function) {
        std::lock_guard lock(mutex_);
        return std::forward<Function>(function)(value_);
    }
    template <typename Function>
    decltype(auto) with(Function&& function) const {
        std::lock_guard lock(mutex_);
        return std::forward<Function>(function)(static_cast<const T&>(value_));
    }

  private:
    mutable std::mutex mutex_;
    T value_;
};

}  // namespace shoal
