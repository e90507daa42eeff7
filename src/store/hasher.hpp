// Hasher: turns pending names of the catalog into hashed files, in slices. Main only.
//
// A file that somebody still writes to waits, and so does one that changed while it was read:
// half a copy is never offered. What is asked for goes before everything else. Among what is asked
// for, and among the rest, files of one slice go by the large ones, which are read in turns: so
// nobody waits for the end of a large file.
//
// Times of files move on by a tick of the kernel's clock, some milliseconds: two changes within
// one leave the same stamp. So a file is read only when its stamp is older than the clock's
// present tick; then each later change shows.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "shoal/base/time.hpp"
#include "shoal/store/catalog.hpp"

namespace shoal::store {

// Whether somebody has the file open for writing. For tests, F_SETLEASE can be switched off.
bool is_being_written(int fd, const Stamp& stamp);
void use_leases(bool on);

// The clock that stamps are made with, nanoseconds since 1970.
std::int64_t stamp_clock_ns();
// Whether whatever changes the file from `now_ns` of that clock on will change the stamp.
bool is_ripe(const Stamp& stamp, std::int64_t now_ns);

class Hasher {
  public:
    Hasher(const Root& shared, const Root& downloads, Catalog& catalog)
        : shared_(&shared), downloads_(&downloads), catalog_(&catalog) {}

    // Names that are not (or no longer) pending when their turn comes are passed over. One that
    // waits for its writer is looked at again.
    void add(Where where, const SafePath& name);
    void add_first(Where where, const SafePath& name);

    // Works until `deadline` of the steady clock, and tells the catalog how far it is. True: there
    // is more to do at once.
    bool work(TimePoint now, TimePoint deadline);
    // When waiting names are looked at again.
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    // Whether anything was hashed since the last call.
    bool take_hashed() { return std::exchange(hashed_, false); }

  private:
    struct Target {
        Where where;
        SafePath name;
        bool asked{false};    // its place is the lane of what is asked for
        bool waiting{false};  // for its writer
        bool over{false};     // whoever still meets it passes it over
        bool ripening{false};
        Stamp stamp{};      // that is to ripen
        TimePoint since{};  // of the steady clock: a stamp from the future ripens as well
    };
    using TargetPtr = std::shared_ptr<Target>;
    struct ByName {
        bool operator()(const TargetPtr& left, const TargetPtr& right) const {
            return left->where != right->where ? left->where < right->where
                                               : left->name < right->name;
        }
    };
    struct Job {
        TargetPtr target;
        Fd fd;
        Stamp stamp;
        integrity::TreeHasher tree;
    };
    struct Lane {
        std::size_t jobs_max{};
        std::deque<TargetPtr> fresh;  // not looked at yet
        std::deque<TargetPtr> large;  // of more than a slice
        std::list<Job> jobs;          // large ones, the next one to be read first
    };
    [[nodiscard]] const Root& root(Where where) const {
        return where == Where::shared ? *shared_ : *downloads_;
    }
    [[nodiscard]] Lane& lane_of(const Target& target) { return target.asked ? asked_ : rest_; }
    std::pair<TargetPtr, bool> know(Where where, const SafePath& name);
    bool turn(Lane& lane);
    std::optional<Job> begin(const Lane& lane, const TargetPtr& target);
    // True when the job is over, one way or the other.
    bool read_slice(Job& job);
    void finish(Job& job);
    // `stamp` as it was seen last.
    void fail(const TargetPtr& target, const Error& error, const Stamp& stamp);
    void wait(const TargetPtr& target);
    void end(const TargetPtr& target);
    void look_again();
    static bool has_ripened(Target& target, const Stamp& stamp);
    void look_at_ripening();
    void tell_progress() const;

    const Root* shared_;
    const Root* downloads_;
    Catalog* catalog_;
    std::set<TargetPtr, ByName> known_;  // in a lane, or waiting
    Lane asked_{8, {}, {}, {}};
    Lane rest_{1, {}, {}, {}};
    std::vector<TargetPtr> waiting_;
    std::vector<TargetPtr> ripening_;
    std::optional<TimePoint> retry_at_;
    TimePoint now_{};
    std::vector<std::uint8_t> buffer_;
    bool hashed_{false};
};

}  // namespace shoal::store
