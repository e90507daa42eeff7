// Hasher: turns pending names of the catalog into hashed files, in slices. Main only.
//
// A file that somebody still writes to waits, and so does one that changed while it was read:
// half a copy is never offered. What is asked for goes before everything else, also before
// the rest of a large file.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "shoal/base/time.hpp"
#include "shoal/store/catalog.hpp"

namespace shoal::store {

// Whether somebody has the file open for writing. For tests, F_SETLEASE can be switched off.
bool is_being_written(int fd, const Stamp& stamp);
void use_leases(bool on);

class Hasher {
  public:
    Hasher(const Root& shared, const Root& downloads, Catalog& catalog)
        : shared_(&shared), downloads_(&downloads), catalog_(&catalog) {}

    // Names that are not (or no longer) pending when their turn comes are passed over.
    void add(Where where, const SafePath& name) { background_.push_back({where, name}); }
    void add_first(Where where, const SafePath& name);

    // Works until `deadline` of the steady clock. True: there is more to do at once.
    bool work(TimePoint now, TimePoint deadline);
    // When waiting names are looked at again.
    [[nodiscard]] std::optional<TimePoint> next_timeout() const { return retry_at_; }
    // Whether anything was hashed since the last call.
    bool take_hashed() { return std::exchange(hashed_, false); }

  private:
    struct Target {
        Where where;
        SafePath name;
    };
    struct Job {
        Target target;
        Fd fd;
        Stamp stamp;
        integrity::TreeHasher tree;
    };
    [[nodiscard]] const Root& root(Where where) const {
        return where == Where::shared ? *shared_ : *downloads_;
    }
    std::optional<Job> begin(const Target& target);
    bool pick(std::optional<Job>& job, std::deque<Target>& queue);
    // True when the job is over, one way or the other.
    bool read_slice(Job& job);
    void finish(Job& job);
    void fail(const Target& target, const Error& error);
    void wait(const Target& target) { waiting_.push_back(target); }

    const Root* shared_;
    const Root* downloads_;
    Catalog* catalog_;
    std::deque<Target> urgent_;
    std::deque<Target> background_;
    std::vector<Target> waiting_;
    std::optional<TimePoint> retry_at_;
    std::optional<Job> urgent_job_;
    std::optional<Job> background_job_;
    std::vector<std::uint8_t> buffer_;
    bool hashed_{false};
};

}  // namespace shoal::store
