// FileScans: searches held against this host's own files, a slice at a time, each search in its
// turn, so that neither many files nor a costly pattern holds up the thread. Requester's thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "peer/offers.hpp"
#include "shoal/overlay/question.hpp"
#include "shoal/overlay/route.hpp"
#include "shoal/store/catalog.hpp"

namespace shoal::peer {

class FileScans {
  public:
    static constexpr std::size_t waiting_max = 128;

    explicit FileScans(Offers offers) : offers_(offers) {}

    struct Finished {
        overlay::SearchId id;
        std::vector<store::CatalogRecord> found;  // at most hits_per_host_max
        // Names that match and whose root is not known yet; likewise.
        std::vector<store::CatalogRecord> pending;
        bool more{false};
        bool all{true};  // this host knows all of its files, and has looked at them
    };
    // False: too many wait already.
    bool add(const overlay::SearchId& id, overlay::Matcher matcher, TimePoint deadline);
    // One slice of the first in turn; what is finished by it, also when its time is up.
    std::optional<Finished> work(TimePoint now);
    [[nodiscard]] bool idle() const { return jobs_.empty(); }

  private:
    struct Job {
        overlay::Matcher matcher;
        TimePoint deadline;
        std::string cursor;
        Finished so_far;
    };
    // True: all files have been looked at.
    bool slice(Job& job);
    static bool take(Finished& so_far, const store::CatalogRecord& record);

    Offers offers_;
    std::deque<Job> jobs_;
};

}  // namespace shoal::peer
