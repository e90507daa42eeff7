// WorkQueue: connections with something to do, in order, for the pool's threads. Bounded for
// those that begin a request: beyond it the gateway says that it is busy. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "gateway/json/berth.hpp"
#include "gateway/json/connection.hpp"

namespace shoal::gateway::json {

struct Work {
    ConnectionPtr connection;
    std::shared_ptr<Berth> berth;  // where it lies afterwards
};

class WorkQueue {
  public:
    explicit WorkQueue(std::size_t bound) : bound_(bound) {}

    // Whether it was taken; what is not stays the caller's. What goes on with a request is
    // always taken: as many as that there are connections.
    bool push(Work& work, bool begins);
    // Waits; without a connection when the queue is closed.
    Work pop();
    void close();
    void drop_all();

  private:
    std::size_t bound_;
    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<Work> queue_;
    bool closed_{false};
};

}  // namespace shoal::gateway::json
