#include "peer/proofs.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {
constexpr Duration slice = 10ms;
constexpr Duration tell_every = 1s;
}  // namespace

void Proofs::add(std::uint64_t transfer, PartialPtr partial,
                 std::function<void(const PartialPtr&)> then, std::function<void(double)> tell) {
    jobs_.push_back({transfer, std::move(partial), std::move(then), std::move(tell), steady_now()});
}

Proofs::PartialPtr Proofs::cancel(std::uint64_t transfer) {
    const auto found = std::find_if(jobs_.begin(), jobs_.end(),
                                    [=](const Job& job) { return job.transfer == transfer; });
    if (found == jobs_.end()) {
        return nullptr;
    }
    PartialPtr partial = std::move(found->partial);
    jobs_.erase(found);
    return partial;
}

bool Proofs::work(TimePoint now) {
    if (jobs_.empty()) {
        return false;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    if (!job.partial->prove(steady_now() + slice)) {
        job.then(job.partial);
        return !jobs_.empty();
    }
    if (now - job.told_at >= tell_every) {
        job.told_at = now;
        job.tell(job.partial->proven());
    }
    jobs_.push_back(std::move(job));
    return true;
}

}  // namespace shoal::peer
