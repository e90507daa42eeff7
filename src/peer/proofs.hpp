// Proofs: partial files whose chunks are being hashed again on main, in slices, so that signals
// and orders get in between however slow the disk is.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "shoal/base/time.hpp"
#include "shoal/store/partial_file.hpp"

namespace shoal::peer {

class Proofs {
  public:
    using PartialPtr = std::shared_ptr<store::PartialFile>;

    // `then` is called when it is done; `tell` now and then before, with what is done, 0 to 1.
    void add(std::uint64_t transfer, PartialPtr partial,
             std::function<void(const PartialPtr&)> then, std::function<void(double)> tell);
    // Forgets it; null when there is none of this transfer.
    PartialPtr cancel(std::uint64_t transfer);
    // One slice, about 10 ms or one chunk. True: call again at once.
    bool work(TimePoint now);

  private:
    struct Job {
        std::uint64_t transfer{};
        PartialPtr partial;
        std::function<void(const PartialPtr&)> then;
        std::function<void(double)> tell;
        TimePoint told_at{};
    };
    std::deque<Job> jobs_;
};

}  // namespace shoal::peer
