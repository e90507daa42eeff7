#include "shoal/overlay/ring_plan.hpp"

#include <utility>

namespace shoal::overlay {

namespace {
constexpr std::uint8_t first_rings[] = {2, 4};
}

RingPlan::RingPlan(const Options& options, TimePoint now)
    : options_(options), deadline_(now + options.wait) {
    for (const std::uint8_t ttl : first_rings) {
        if (options.widen && ttl < options.ttl) {
            rings_.push_back(ttl);
        }
    }
    rings_.push_back(options.ttl);
}

// The last ring leaves some for being asked again, those before it most for what follows.
Duration RingPlan::share(Duration left) const {
    if (asked_again_) {
        return left;
    }
    return next_ < rings_.size() ? left / 5 : left * 5 / 8;
}

RingPlan::Step RingPlan::ask(std::uint8_t ttl, TimePoint now) {
    const Duration wait = share(deadline_ - now);
    asked_.push_back(ttl);
    done_.reset();
    ring_until_ = now + wait;
    return Ask{ttl, wait};
}

void RingPlan::handle_done(const Counts& counts, bool last) {
    Counts sum = price_;
    sum.add(counts);
    sum.hosts = std::max(price_.hosts, counts.hosts);
    price_ = sum;
    if (last) {
        done_ = counts;
    }
}

RingPlan::Step RingPlan::poll(TimePoint now) {
    if (now >= deadline_) {
        return Over{};
    }
    const bool more_rings = next_ < rings_.size();
    if (asked_.empty()) {
        return ask(rings_[next_++], now);
    }
    // A ring that does not answer holds up the next one for its share only.
    if (!done_ && (!more_rings || now < ring_until_)) {
        return Wait{more_rings ? ring_until_ : deadline_};
    }
    if (hits_ >= options_.enough && more_rings) {
        return Over{};
    }
    if (std::exchange(host_up_, false)) {
        next_ = rings_.size();
        return ask(rings_.back(), now);
    }
    if (more_rings && !everybody()) {
        return ask(rings_[next_++], now);
    }
    if (done_->lost > 0 && !asked_again_) {
        asked_again_ = true;
        return ask(asked_.back(), now);
    }
    if (done_->late > 0) {
        return Wait{deadline_};  // what comes late counts, too
    }
    return Over{};
}

}  // namespace shoal::overlay
