#include "gateway/ftp/login_queue.hpp"

#include <algorithm>
#include <utility>

namespace shoal::gateway::ftp {

std::optional<LoginAttempt> LoginQueue::add(LoginAttempt attempt, TimePoint now) {
    if (waiting_of(attempt.address) >= waiting_per_address_max) {
        return attempt;
    }
    waiting_.push_back(std::move(attempt));
    if (waiting_.size() <= waiting_max) {
        return std::nullopt;
    }
    auto worst = std::prev(waiting_.end());
    for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
        if (gate_.rank(one->address, now) > gate_.rank(worst->address, now)) {
            worst = one;
        }
    }
    LoginAttempt out = std::move(*worst);
    waiting_.erase(worst);
    return out;
}

std::optional<LoginAttempt> LoginQueue::take(TimePoint now) {
    newest_ = !newest_;
    auto best = waiting_.end();
    int best_rank = 0;
    for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
        const int rank = gate_.rank(one->address, now);
        const bool open = gate_.opens_at(one->address, now) <= now;
        if (open &&
            (best == waiting_.end() || rank < best_rank || (rank == best_rank && newest_))) {
            best = one;
            best_rank = rank;
        }
    }
    if (best == waiting_.end()) {
        return std::nullopt;
    }
    LoginAttempt next = std::move(*best);
    waiting_.erase(best);
    return next;
}

std::optional<TimePoint> LoginQueue::next(TimePoint now) const {
    std::optional<TimePoint> next;
    for (const LoginAttempt& one : waiting_) {
        const TimePoint opens = gate_.opens_at(one.address, now);
        sooner(next, opens);
    }
    return next;
}

std::size_t LoginQueue::waiting_of(const std::string& address) const {
    return static_cast<std::size_t>(
        std::count_if(waiting_.begin(), waiting_.end(),
                      [&](const LoginAttempt& other) { return other.address == address; }));
}

}  // namespace shoal::gateway::ftp
