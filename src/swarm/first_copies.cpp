#include "shoal/swarm/first_copies.hpp"

#include <algorithm>
#include <numeric>

namespace shoal::swarm {

FirstCopies::FirstCopies(Shape shape, std::uint64_t seed)
    : shape_(shape), never_(shape.chunk_count()), place_(shape.chunk_count()) {
    std::iota(never_.begin(), never_.end(), 0U);
    SmallRandom random(seed);
    for (std::size_t left = never_.size(); left > 1; --left) {
        std::swap(never_[left - 1], never_[random.below(left)]);
    }
    for (std::uint32_t at = 0; at < never_.size(); ++at) {
        place_[never_[at]] = at;
    }
}

bool FirstCopies::whole_chunks(LeafRun run) const {
    return run.first.value % shape_.leaves_per_chunk == 0 &&
           (run.end().value % shape_.leaves_per_chunk == 0 || run.end().value == shape_.leaf_count);
}

// As many chunks from this one on as were never sent and as there is room for; 0: not even one.
LeafRun FirstCopies::run_from(std::uint32_t chunk, std::uint32_t leaves_max) const {
    LeafRun run{shape_.first_leaf({chunk}), 0};
    while (chunk < shape_.chunk_count() && never(chunk) &&
           run.count + shape_.leaves_in({chunk}) <= leaves_max) {
        run.count += shape_.leaves_in({chunk});
        ++chunk;
    }
    return run;
}

LeafRun FirstCopies::substitute(LeafRun asked, const std::function<bool(LeafRun)>& unwelcome) {
    LeafRun given = asked;
    if (whole_chunks(asked) && !never(shape_.chunk_of(asked.first).value)) {
        for (std::size_t at = 0; at < std::min(tries_max, never_.size()); ++at) {
            const LeafRun run = run_from(never_[at], asked.count);
            if (run.count > 0 && !unwelcome(run)) {
                given = run;
                break;
            }
        }
    }
    handle_sent(given);
    return given;
}

void FirstCopies::handle_sent(LeafRun run) {
    const std::uint32_t last = shape_.chunk_of({run.end().value - 1}).value;
    for (std::uint32_t chunk = shape_.chunk_of(run.first).value; chunk <= last; ++chunk) {
        if (never(chunk)) {
            const std::uint32_t at = place_[chunk];
            never_[at] = never_.back();
            place_[never_[at]] = at;
            never_.pop_back();
            place_[chunk] = nowhere;
        }
    }
}

}  // namespace shoal::swarm
