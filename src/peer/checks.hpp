// Checks: chunks that are here whole, are written, and wait to be hashed.
//
// The requester hashes when its sockets are quiet. When they are not, enough work gathers that
// waking main for it pays, and a core that idles takes it: on a fast link receiving and hashing
// go on side by side. Whoever comes first takes a check; so nothing waits for a main that is
// busy with a slow disk. In a crowd others wait for each chunk: what arrives whole is hashed at
// once then (Transfer::check_at_once), from memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "shoal/base/guarded.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/time.hpp"
#include "shoal/store/partial_file.hpp"

namespace shoal::peer {

// Neighbouring chunks of one transfer.
struct Check {
    std::uint64_t transfer{};
    std::shared_ptr<store::PartialFile> partial;
    ChunkIndex first;
    std::uint32_t count{};

    [[nodiscard]] LeafRun leaves() const;
    [[nodiscard]] std::uint64_t bytes() const;
};

struct Checked {  // what is on the disk for it; the transfer judges
    Check check;
    Result<std::vector<integrity::Digest>> leaves;
    Duration spent{};
};
// Does it, and times it. Any thread, with a scratch of its own.
Checked perform(Check check, std::vector<std::uint8_t>& scratch);

// Any thread.
class Checks {
  public:
    // Joined with the one before it up to the size that hashes best.
    void add(Check check);
    std::optional<Check> take();
    [[nodiscard]] std::uint64_t waiting_bytes() const;
    // When the oldest was added.
    [[nodiscard]] std::optional<TimePoint> waiting_since() const;

    // True when main is to be woken: enough waits, and it does not help already.
    bool call_help();
    void help_ends();

  private:
    struct Waiting {
        Check check;
        TimePoint since;
    };
    struct Queue {
        std::deque<Waiting> checks;
        std::uint64_t bytes{0};
        bool helped{false};
    };
    Guarded<Queue> queue_;
};

}  // namespace shoal::peer
