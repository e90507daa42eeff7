#include "gateway/json/work_queue.hpp"

namespace shoal::gateway::json {

bool WorkQueue::push(Work& work, bool begins) {
    {
        const std::lock_guard lock(mutex_);
        if (begins && queue_.size() >= bound_) {
            return false;
        }
        queue_.push_back(std::move(work));
    }
    news_.notify_one();
    return true;
}

Work WorkQueue::pop() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (closed_) {
        return {};
    }
    Work work = std::move(queue_.front());
    queue_.pop_front();
    return work;
}

void WorkQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    news_.notify_all();
}

void WorkQueue::drop_all() {
    const std::lock_guard lock(mutex_);
    queue_.clear();
}

}  // namespace shoal::gateway::json
