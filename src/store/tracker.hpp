// Tracker: keeps the catalog in step with the two folders: scans, inotify, rescans. Main only.
//
// Order against races: a folder is watched before it is scanned, and an event is only a hint
// to look at the disk. What is found there decides.
#pragma once

#include <sys/stat.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "folder_cache.hpp"
#include "hasher.hpp"
#include "index_file.hpp"
#include "left_out.hpp"
#include "mount_table.hpp"
#include "partial_store.hpp"
#include "patrol.hpp"
#include "shoal/store/store.hpp"
#include "watcher.hpp"

namespace shoal::store {

class Tracker {
  public:
    struct Options {
        bool hash_in_background{true};
        bool watch{true};
    };
    Tracker(const Root& shared, const Root& downloads, Catalog& catalog,
            const PartialStore& partials, Options options);

    // Both trees, and the partial files of downloads/. `known`: of the last run.
    void scan_all(Index known);

    [[nodiscard]] int watch_fd() const { return watcher_.fd(); }
    void handle_watch(TimePoint now);
    [[nodiscard]] int mounts_fd() const { return mounts_.fd(); }
    void handle_mounts(TimePoint now);
    // See Store::take_notes().
    std::optional<Store::Notes> take_notes();
    bool work(TimePoint now, TimePoint deadline);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void hash_first(const SafePath& name);
    // What the Editor has done in shared/, so that nothing waits for inotify.
    void published(std::shared_ptr<const HeldFile> file);
    void look(Where where, const SafePath& file);
    void folder_made(const SafePath& folder);
    void folder_gone(const SafePath& folder);
    void folder_moved(const SafePath& from, const SafePath& to);
    // A part that is open here: somebody may have written to it, or nobody would know.
    [[nodiscard]] bool must_be_proven(PartialFile& partial);
    // What the index may hold: files whose stamps prove that they are what was hashed. Waits for
    // a tick of the clock if that makes more of them so.
    std::vector<std::shared_ptr<const HeldFile>> settled_files(bool wait);
    // Where file systems are mounted that have names in the catalog, and where one was and is not.
    [[nodiscard]] std::vector<Place> used_mounts() const;
    [[nodiscard]] bool has_unsettled() const { return !unsettled_.empty(); }
    // Whether what the index should hold has changed since the last call.
    bool take_dirty();

  private:
    struct Caches {
        FolderCache shared, downloads;
    };
    [[nodiscard]] const Root& root(Where where) const {
        return where == Where::shared ? *shared_ : *downloads_;
    }
    Caches caches() const;
    void scan(const Place& start);
    void scan_folder(const Place& place, std::vector<Place>& deeper);
    void take_entry(const Place& place, int folder, const char* name, std::vector<Place>& deeper);
    void know_folder(std::string_view folder);
    void note_folder_time(const Place& place, const SafePath& child, Caches& caches);
    bool is_other_root(const Place& place, int folder) const;
    void watch(const Place& place, int folder);
    void rescan(TimePoint now);
    void cannot_see(const Place& place, const std::string& why);
    void see_again();
    void look_through(const Place& place, Caches& folders);
    // A walk looks at what is known below a place, and then at what is there, in slices.
    struct Walk {
        Place place;
        bool once{};  // else it is the patrol's
        std::vector<std::string> folders;
        std::vector<SafePath> names;
        std::vector<Place> places;
        Duration cost{0};
    };
    [[nodiscard]] std::optional<Walk> next_walk(TimePoint now);
    bool walk(TimePoint now, TimePoint deadline);
    bool step(Walk& walk, Caches& caches);
    void note_lost_mounts(const std::vector<Place>& known);
    void lose_mount(const Place& place);
    void look_at_roots();
    void note_left_out(const Place& place, const std::string& name,
                       std::optional<LeftOut::Reason> reason);
    void tell_left_out(TimePoint now);

    void handle(const Change& change, Caches& caches);
    void handle_folder_gone(const Place& place);
    // `written`: somebody has just written to it.
    void look_at(Where where, const SafePath& path, Caches& caches, bool written = false);
    void consider(Where where, const SafePath& path, const Stamp& stamp, bool written);
    void take_own(const SafePath& path);
    bool prove_partials(TimePoint deadline);
    void settle();
    void doubt(const SafePath& part);
    void remove(Where where, const SafePath& path);
    void load_partial(const SafePath& journal);
    void drop_partial(const SafePath& own_file);

    const Root* shared_;
    const Root* downloads_;
    Catalog* catalog_;
    const PartialStore* partials_;
    Options options_;
    Watcher watcher_;
    Hasher hasher_;
    MountTable mounts_;
    // Where one was. What stands in the folder beneath says nothing of it, until one is mounted
    // there again, or the folder is deleted.
    std::set<Place> lost_mounts_;
    Patrol patrol_;
    std::deque<Place> to_walk_;  // once, now
    std::optional<Walk> walk_;   // under way
    LeftOut left_out_;
    std::optional<std::uint64_t> notes_told_;  // the changes when they were told last
    Contents known_;
    // Files that were not hashed as they stand, but made here a moment ago: their stamps may be as
    // young as a foreign change. They count once a tick has gone by without one.
    std::map<std::pair<Where, SafePath>, Stamp> unsettled_;
    std::shared_ptr<PartialFile> proving_;  // what is only served, and not yet
    std::vector<SafePath> unproven_;        // journals whose turn comes then
    bool unwatched_{false};  // some folder has no watch: look again from time to time
    std::optional<TimePoint> rescan_at_;
    std::optional<TimePoint> see_again_at_;  // folders that could not be read
    TimePoint settle_at_{};
    TimePoint now_{};
    bool dirty_{false};
};

}  // namespace shoal::store
