#include "tracker.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "file_names.hpp"
#include "open_beneath.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/draft_file.hpp"

namespace shoal::store {
namespace {

constexpr Duration rescan_interval_min = 2s;
constexpr int rescan_cost_share = 20;  // at most 1/20 of the time goes into rescans
constexpr Duration settle_interval = 1s;
constexpr int settle_tries = 4;
constexpr unsigned settle_pause_us = 3000;
constexpr Duration patrol_interval_min = 5s;
constexpr Duration walk_slice = 5ms;

struct CloseFolder {
    void operator()(DIR* stream) const { ::closedir(stream); }
};

std::int64_t mtime_of(int folder) {
    struct stat status {};
    return ::fstat(folder, &status) == 0 ? Stamp::of(status).mtime_s() : 0;
}

std::string_view without_slash(std::string_view prefix) {
    return prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
}

// What could not be opened or looked at is not there, as opposed to: nobody knows. Symbolic links
// are not followed, so nothing is behind one.
bool says_absent(int error_number) {
    return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP ||
           error_number == EXDEV;
}

bool is_no_folder(const Root& root, std::string_view folder) {
    return !open_beneath(root.fd(), folder, O_RDONLY | O_DIRECTORY) && says_absent(errno);
}

Place place_of(Where where, const SafePath& path) {
    return {where, path.text().substr(0, path.text().size() - path.name().size())};
}

bool is_like_own(Where where, const SafePath& path) {
    return where == Where::downloads && file_names::is_like_own(path.name());
}

}  // namespace

Tracker::Tracker(const Root& shared, const Root& downloads, Catalog& catalog,
                 const PartialStore& partials, Options options)
    : shared_(&shared),
      downloads_(&downloads),
      catalog_(&catalog),
      partials_(&partials),
      options_(options),
      watcher_(options.watch),
      hasher_(shared, downloads, catalog),
      mounts_(options.watch) {}

Tracker::Caches Tracker::caches() const {
    return {FolderCache(*shared_, FolderCache::Missing::is_error),
            FolderCache(*downloads_, FolderCache::Missing::is_error)};
}

void Tracker::scan_all(Index known) {
    known_ = std::move(known.contents);
    const std::size_t in_index = known_.size();
    static_cast<void>(mounts_.take(shared_->fd(), downloads_->fd()));  // before what is in them
    catalog_->set_scanning(true);
    note_lost_mounts(known.mounts);
    scan({Where::shared, ""});
    scan({Where::downloads, ""});
    catalog_->set_scanning(false);
    known_ = {};
    dirty_ = catalog_->totals().files != in_index;  // some have vanished
}

void Tracker::scan(const Place& start) {
    std::vector<Place> places{start};
    while (!places.empty()) {
        const Place place = std::move(places.back());
        places.pop_back();
        scan_folder(place, places);
    }
}

// downloads/ below shared/, or the same: each file is offered once, by the folder it belongs to.
bool Tracker::is_other_root(const Place& place, int folder) const {
    struct stat here {
    }, other{};
    const Root& other_root = place.where == Where::shared ? *downloads_ : *shared_;
    return (place.where == Where::shared || !place.prefix.empty()) && ::fstat(folder, &here) == 0 &&
           ::fstat(other_root.fd(), &other) == 0 && here.st_dev == other.st_dev &&
           here.st_ino == other.st_ino;
}

void Tracker::watch(const Place& place, int folder) {
    if (!options_.watch || watcher_.add(place, folder) || std::exchange(unwatched_, true)) {
        return;
    }
    log::warning("cannot watch '" + root(place.where).path() + "/" + place.prefix +
                 "' for changes: no inotify watch is left; looking every few seconds instead. "
                 "Raise fs.inotify.max_user_watches to have changes seen at once");
    rescan_at_ = now_ + rescan_interval_min;
}

void Tracker::scan_folder(const Place& place, std::vector<Place>& deeper) {
    Result<Fd> folder = root(place.where).open_folder(without_slash(place.prefix));
    if (!folder) {
        if (place.prefix.empty() || !is_no_folder(root(place.where), without_slash(place.prefix))) {
            cannot_see(place, folder.error().message);
        }
        return;
    }
    if (is_other_root(place, folder->get()) ||
        root(place.where).hides(without_slash(place.prefix))) {
        return;
    }
    watch(place, folder->get());  // before its time is read, so that no later one is missed
    if (place.where == Where::shared && !place.prefix.empty()) {
        catalog_->put_folder(without_slash(place.prefix), mtime_of(folder->get()));
    }
    if (is_mute(folder->get())) {
        patrol_.add(place, patrol_interval_min, now_);
    }
    const int fd = folder->get();
    const std::unique_ptr<DIR, CloseFolder> stream(::fdopendir(fd));
    if (!stream) {
        return cannot_see(place, system_error("cannot list '" + place.prefix + "'", errno).message);
    }
    (void)folder->release();  // the stream's now
    if (!lost_mounts_.contains(place)) {
        catalog_->remove_unseen(place.where, place.prefix);
    }
    left_out_.begin_folder(place);
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        take_entry(place, fd, entry->d_name, deeper);
        errno = 0;
    }
    if (errno != 0) {
        return cannot_see(place, system_error("cannot list '" + place.prefix + "'", errno).message);
    }
    left_out_.end_folder(place);
}

// Its names are unknown, which is not the same as gone: those known before stay. It is looked at
// again and again.
void Tracker::cannot_see(const Place& place, const std::string& why) {
    if (catalog_->put_unseen(place.where, place.prefix)) {
        log::warning(why + "; what else is in it is not known, and not offered");
    }
    if (!see_again_at_) {
        see_again_at_ = now_ + rescan_interval_min;
    }
}

void Tracker::see_again() {
    Caches folders = caches();
    see_again_at_.reset();
    look_at_roots();
    for (const auto& [where, prefix] : catalog_->unseen()) {
        look_through({where, prefix}, folders);
    }
}

// First what was known and may be gone, then what is there.
void Tracker::look_through(const Place& place, Caches& folders) {
    for (const SafePath& name : catalog_->names_below(place.where, place.prefix)) {
        look_at(place.where, name, folders);
    }
    scan(place);
}

void Tracker::take_entry(const Place& place, int folder, const char* name,
                         std::vector<Place>& deeper) {
    if (file_names::is_draft(name)) {
        return remove_leftover_draft(root(place.where), folder, name);
    }
    const Result<SafePath> path = SafePath::parse(place.prefix + name);
    struct stat status {};
    if (!path) {
        return note_left_out(place, name, LeftOut::reason_of(place, name));
    }
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (!says_absent(errno)) {
            cannot_see(place, system_error("cannot look at '" + path->text() + "'", errno).message);
        }
        return;
    }
    if (const auto reason = LeftOut::reason_of(status.st_mode)) {
        return left_out_.add(place, name, *reason);
    }
    if (root(place.where).hides(path->text(), status)) {
        return;
    }
    if (S_ISDIR(status.st_mode)) {
        deeper.push_back({place.where, path->text() + "/"});
    } else if (S_ISREG(status.st_mode)) {
        is_like_own(place.where, *path) && PartialStore::owns(folder, name)
            ? take_own(*path)
            : consider(place.where, *path, Stamp::of(status), false);
    }
}

// A regular file is at `path`: is it news?
void Tracker::consider(Where where, const SafePath& path, const Stamp& stamp, bool written) {
    const Holding held = catalog_->find_in(where, path.text());
    if (held.state == Holding::State::complete) {
        if (held.file->stamp == stamp && !(written && unsettled_.contains({where, path}))) {
            return;
        }
        unsettled_.erase({where, path});
        dirty_ = true;
    }
    if (const auto known = known_.find(stamp); known != known_.end()) {
        catalog_->put(std::make_shared<const HeldFile>(HeldFile{
            path, where, {stamp.size, known->second.root}, known->second.chunk_hashes, stamp}));
        if (known->second.unsettled) {
            unsettled_[{where, path}] = stamp;
        }
        return;
    }
    if (stamp.size > limits::file_size_max) {
        if (held.state != Holding::State::unreadable) {
            log::warning("'" + path.text() + "' is larger than 1 TiB; it is not offered");
            catalog_->put_unreadable(where, path, stamp);
        }
        return;
    }
    const auto known_size_and_time = [&] {
        return held.pending.size == stamp.size && held.pending.mtime_s == stamp.mtime_s();
    };
    if (held.state != Holding::State::pending || !known_size_and_time()) {
        catalog_->put_pending(where, path, stamp);
    }
    if (options_.hash_in_background) {
        hasher_.add(where, path);
    }
}

// A part or a journal of this or another process.
void Tracker::take_own(const SafePath& path) {
    remove(Where::downloads, path);  // its name may have been a file's
    if (file_names::is_journal(path.name())) {
        load_partial(path);
    }
}

void Tracker::remove(Where where, const SafePath& path) {
    unsettled_.erase({where, path});
    dirty_ |= catalog_->find_in(where, path.text()).state == Holding::State::complete;
    catalog_->remove(where, path.text());
}

void Tracker::look_at(Where where, const SafePath& path, Caches& caches, bool written) {
    FolderCache& cache = where == Where::shared ? caches.shared : caches.downloads;
    const Result<int> folder = cache.folder_of(path);
    const std::string name(path.name());
    struct stat status {};
    const bool there =
        folder && ::fstatat(*folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && !(folder ? says_absent(errno) : is_no_folder(root(where), path.folder()))) {
        std::string prefix(path.folder());
        prefix += prefix.empty() ? "" : "/";
        return cannot_see({where, prefix},
                          folder
                              ? system_error("cannot look at '" + path.text() + "'", errno).message
                              : folder.error().message);
    }
    note_left_out(place_of(where, path), name,
                  there ? LeftOut::reason_of(status.st_mode) : std::nullopt);
    if (!there || !S_ISREG(status.st_mode) || root(where).hides(path.text(), status)) {
        remove(where, path);
    } else if (is_like_own(where, path) && PartialStore::owns(*folder, name)) {
        take_own(path);
    } else {
        consider(where, path, Stamp::of(status), written);
    }
}

// Only what an earlier run left: those under way are in the catalog already.
void Tracker::load_partial(const SafePath& journal) {
    const std::string part(file_names::part_of_journal(journal.text()));
    const auto all = catalog_->partials();
    for (const auto& partial : all) {
        if (partial->part_path() == part) {
            return;
        }
    }
    if (all.size() >= partials_offered_max) {
        return;
    }
    if (proving_) {
        unproven_.push_back(journal);  // one at a time: it is open meanwhile
        return;
    }
    Result<std::shared_ptr<PartialFile>> partial = partials_->load(journal);
    if (partial) {
        proving_ = std::move(*partial);
        catalog_->put_partial(proving_);
        catalog_->set_proving(true);
    } else {
        log::debug(partial.error().message);
    }
}

// Another process has finished it, or somebody deleted it.
void Tracker::drop_partial(const SafePath& own_file) {
    const std::string_view part = file_names::is_journal(own_file.name())
                                      ? file_names::part_of_journal(own_file.text())
                                      : std::string_view(own_file.text());
    for (const auto& partial : catalog_->partials()) {
        if (partial->part_path() == part && !PartialStore::is_open(*partial)) {
            catalog_->remove_partial(*partial);
        }
    }
}

// We do not close a part that we still write to: it was another program.
void Tracker::doubt(const SafePath& part) {
    for (const auto& partial : catalog_->partials()) {
        if (partial->part_path() == part.text() && PartialStore::is_open(*partial)) {
            partial->doubt();
        }
    }
}

bool Tracker::must_be_proven(PartialFile& partial) {
    handle_watch(now_);
    const bool doubted = partial.doubted() || !options_.watch || unwatched_ ||
                         patrol_.covers(Where::downloads, partial.part_path());
    return partial.end_writing() || doubted;
}

// What a journal promises is served once it is proven.
bool Tracker::prove_partials(TimePoint deadline) {
    while (proving_) {
        if (proving_->prove(deadline)) {
            return true;
        }
        const auto proven = std::exchange(proving_, nullptr);
        const auto all = catalog_->partials();
        if (std::find(all.begin(), all.end(), proven) != all.end()) {
            catalog_->put_partial(PartialStore::resting(*proven));
        }
        while (!proving_ && !unproven_.empty()) {
            const SafePath next = unproven_.back();
            unproven_.pop_back();
            load_partial(next);
        }
        if (steady_now() >= deadline) {
            break;
        }
    }
    catalog_->set_proving(proving_ != nullptr);
    return proving_ != nullptr;
}

// Settling -------------------------------------------------------------------------------------

// A change within the tick of the stamp was told by the watch, or its writer has the file open
// still; any later one shows in the stamp.
void Tracker::settle() {
    const std::int64_t clock = stamp_clock_ns();
    const bool any = std::any_of(unsettled_.begin(), unsettled_.end(),
                                 [clock](const auto& one) { return is_ripe(one.second, clock); });
    if (!any || !options_.watch || unwatched_) {
        return;
    }
    handle_watch(now_);
    for (auto at = unsettled_.begin(); at != unsettled_.end();) {
        const auto& [key, stamp] = *at;
        Stamp there;
        const Holding held = catalog_->find_in(key.first, key.second.text());
        const Result<Fd> fd = root(key.first).open_file(key.second, &there);
        const bool same = held.file && held.file->stamp == stamp && fd && there == stamp;
        if (same && (!is_ripe(stamp, clock) || is_being_written(fd->get(), stamp))) {
            ++at;
            continue;
        }
        dirty_ = true;
        at = unsettled_.erase(at);
    }
}

std::vector<std::shared_ptr<const HeldFile>> Tracker::settled_files(bool wait) {
    for (int tries = 0; wait && tries < settle_tries && !unsettled_.empty(); ++tries) {
        settle();
        if (!unsettled_.empty()) {
            ::usleep(settle_pause_us);
        }
    }
    settle();
    std::vector<std::shared_ptr<const HeldFile>> files = catalog_->complete_files();
    if (!unsettled_.empty()) {
        std::erase_if(files, [this](const auto& file) {
            return unsettled_.contains({file->where, file->name});
        });
    }
    return files;
}

void Tracker::handle_folder_gone(const Place& place) {
    watcher_.remove_below(place);
    patrol_.remove_below(place);
    left_out_.remove_below(place);
    std::erase_if(lost_mounts_, [&](const Place& lost) {
        return lost.where == place.where && lost.prefix.starts_with(place.prefix);
    });
    for (const SafePath& name : catalog_->names_below(place.where, place.prefix)) {
        // A folder that was only moved comes back in a moment, and need not be hashed again.
        const Holding held = catalog_->find_in(place.where, name.text());
        if (held.file) {
            HashedContent& known = known_[held.file->stamp];
            known.root = held.file->id.root;
            known.chunk_hashes = held.file->chunk_hashes;
            known.unsettled |= unsettled_.contains({place.where, name});
        }
        remove(place.where, name);
    }
    catalog_->remove_unseen_below(place.where, place.prefix);
    if (place.where == Where::shared) {
        catalog_->remove_folders(without_slash(place.prefix));
    }
}

// What the Editor has done -------------------------------------------------------------------

void Tracker::published(std::shared_ptr<const HeldFile> file) {
    if (file->where == Where::shared) {
        know_folder(file->name.folder());
    }
    unsettled_[{file->where, file->name}] = file->stamp;
    catalog_->put(std::move(file));
}

void Tracker::folder_made(const SafePath& folder) { know_folder(folder.text()); }

// The first one on the way that is new, with all below it.
void Tracker::know_folder(std::string_view folder) {
    for (std::size_t slash = folder.find('/'); !folder.empty();
         slash = folder.find('/', slash + 1)) {
        const std::string part(folder.substr(0, slash));
        if (!catalog_->is_subfolder(part)) {
            return scan({Where::shared, part + "/"});
        }
        if (slash == folder.npos) {
            return;
        }
    }
}

void Tracker::look(Where where, const SafePath& file) {
    Caches folders = caches();
    look_at(where, file, folders);
}

void Tracker::folder_gone(const SafePath& folder) {
    handle_folder_gone({Where::shared, folder.text() + "/"});
    known_.clear();
}

void Tracker::folder_moved(const SafePath& from, const SafePath& to) {
    handle_folder_gone({Where::shared, from.text() + "/"});
    scan({Where::shared, to.text() + "/"});
    known_.clear();
}

void Tracker::handle(const Change& change, Caches& caches) {
    if (change.kind == Change::Kind::overflow) {
        rescan_at_ = now_;
        catalog_->set_scanning(true);  // some names may be missing until it is done
        return;
    }
    if (change.kind == Change::Kind::root_gone) {
        return look_at_roots();
    }
    const Where where = change.place.where;
    const Result<SafePath> path = SafePath::parse(change.place.prefix + change.name);
    if (!path) {
        const bool gone =
            change.kind == Change::Kind::gone || change.kind == Change::Kind::folder_gone;
        return note_left_out(change.place, change.name,
                             gone ? std::nullopt : LeftOut::reason_of(change.place, change.name));
    }
    const bool like_own = is_like_own(where, *path);
    const bool written = change.kind == Change::Kind::written;
    switch (change.kind) {
        case Change::Kind::folder_here:
            caches = this->caches();
            scan({where, path->text() + "/"});
            break;
        case Change::Kind::folder_gone:
            caches = this->caches();
            handle_folder_gone({where, path->text() + "/"});
            break;
        case Change::Kind::gone:
            if (like_own) {
                drop_partial(*path);
            }
            look_at(where, *path, caches);
            break;
        default:
            if (like_own && written) {
                doubt(*path);
            }
            look_at(where, *path, caches, written);
    }
    note_folder_time(change.place, *path, caches);
}

// What comes and goes in a folder changes its time.
void Tracker::note_folder_time(const Place& place, const SafePath& child, Caches& caches) {
    if (place.where != Where::shared || place.prefix.empty()) {
        return;
    }
    if (const Result<int> folder = caches.shared.folder_of(child)) {
        catalog_->set_folder_mtime(without_slash(place.prefix), mtime_of(*folder));
    }
}

void Tracker::handle_watch(TimePoint now) {
    now_ = now;
    Caches folders = caches();
    for (const Change& change : watcher_.take()) {
        handle(change, folders);
    }
    known_.clear();
}

void Tracker::rescan(TimePoint now) {
    const TimePoint begun = steady_now();
    Caches folders = caches();
    for (const std::string& folder : catalog_->folders()) {
        if (is_no_folder(*shared_, folder)) {
            catalog_->remove_folders(folder);
            catalog_->remove_unseen_below(Where::shared, folder + '/');
        }
    }
    for (const Where where : {Where::shared, Where::downloads}) {
        look_through({where, ""}, folders);
    }
    catalog_->set_scanning(false);
    rescan_at_.reset();
    if (unwatched_) {
        const Duration cost = steady_now() - begun;
        rescan_at_ = now + std::max<Duration>(rescan_interval_min, cost * rescan_cost_share);
    }
}

// Walks ----------------------------------------------------------------------------------------

// A file system came or went: what is below is another matter now, and so are its watches.
void Tracker::handle_mounts(TimePoint now) {
    now_ = now;
    const MountTable::News news = mounts_.take(shared_->fd(), downloads_->fd());
    look_at_roots();
    const auto walk_below = [this](const Place& place) {
        watcher_.remove_below(place);
        patrol_.remove_below(place);
        to_walk_.push_back(place);
        catalog_->set_scanning(true);  // until that is done
    };
    for (const Place& place : news.went) {
        lost_mounts_.insert(place);
        walk_below(place);
    }
    for (const Place& place : news.came) {
        lost_mounts_.erase(place);
        walk_below(place);
    }
    for (const Place& place : news.went) {
        if (lost_mounts_.contains(place)) {
            lose_mount(place);
        }
    }
}

// What is on the disk is unknown, and not gone, whatever stands in the folder beneath.
void Tracker::lose_mount(const Place& place) {
    lost_mounts_.insert(place);
    dirty_ = true;
    cannot_see(place, "what was mounted at '" + root(place.where).path() + '/' +
                          text::escape(place.prefix) + "' is no longer there");
}

// Whether the folders that were opened at the start are those of these names still. What is in
// others is not known, and not offered.
void Tracker::look_at_roots() {
    for (const Where where : {Where::shared, Where::downloads}) {
        struct stat opened {
        }, named{};
        const Root& tree = root(where);
        if (!options_.watch || ::fstat(tree.fd(), &opened) != 0) {
            continue;
        }
        const Place place{where, ""};
        const bool same = ::stat(tree.path().c_str(), &named) == 0 &&
                          named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
        if (!same) {
            lost_mounts_.insert(place);
            cannot_see(place, "'" + tree.path() +
                                  "' is another folder than at the start, or gone: put it back, or "
                                  "restart to offer the one that is there now");
        } else if (lost_mounts_.erase(place) > 0) {
            log::info("'" + tree.path() + "' is the folder again that it was at the start");
            catalog_->remove_unseen(where, "");
        }
    }
}

// Before the first scan. Without a table of mounts nobody knows.
void Tracker::note_lost_mounts(const std::vector<Place>& known) {
    if (mounts_.fd() < 0) {
        lost_mounts_.insert(known.begin(), known.end());
        return;
    }
    const std::vector<Place> mounted = mounts_.places();
    for (const Place& place : known) {
        if (std::find(mounted.begin(), mounted.end(), place) == mounted.end()) {
            lose_mount(place);
        }
    }
}

std::vector<Place> Tracker::used_mounts() const {
    std::vector<Place> used(lost_mounts_.begin(), lost_mounts_.end());
    std::erase_if(used, [](const Place& place) { return place.prefix.empty(); });
    for (const Place& place : mounts_.places()) {
        if (!lost_mounts_.contains(place) &&
            !catalog_->names_below(place.where, place.prefix, {}, 1).empty()) {
            used.push_back(place);
        }
    }
    return used;
}

std::optional<Tracker::Walk> Tracker::next_walk(TimePoint now) {
    std::optional<Place> place;
    const bool once = !to_walk_.empty();
    if (once) {
        place = std::move(to_walk_.front());
        to_walk_.pop_front();
    } else {
        place = patrol_.due(now);
    }
    if (!place) {
        return std::nullopt;
    }
    Walk walk{*place, once, {}, catalog_->names_below(place->where, place->prefix), {*place}, {}};
    if (place->where == Where::shared) {
        walk.folders = catalog_->folders();
        std::erase_if(walk.folders, [&](const std::string& folder) {
            return !(folder + '/').starts_with(place->prefix);
        });
    }
    return walk;
}

// First what was known and may be gone, then what is there. False: that was all.
bool Tracker::step(Walk& walk, Caches& caches) {
    if (!walk.folders.empty()) {
        if (is_no_folder(*shared_, walk.folders.back())) {
            handle_folder_gone({Where::shared, walk.folders.back() + '/'});
        }
        walk.folders.pop_back();
    } else if (!walk.names.empty()) {
        look_at(walk.place.where, walk.names.back(), caches);
        walk.names.pop_back();
    } else if (!walk.places.empty()) {
        const Place place = std::move(walk.places.back());
        walk.places.pop_back();
        scan_folder(place, walk.places);
    }
    return !walk.folders.empty() || !walk.names.empty() || !walk.places.empty();
}

// True: there is more to do at once.
bool Tracker::walk(TimePoint now, TimePoint deadline) {
    if (!walk_) {
        walk_ = next_walk(now);
    }
    if (!walk_) {
        return false;
    }
    if (walk_->once) {
        catalog_->set_scanning(true);  // a rescan may have said that it is over
    }
    const TimePoint begun = steady_now();
    const TimePoint end = std::min(deadline, begun + walk_slice);
    Caches folders = caches();
    bool more = true;
    while (more && steady_now() < end) {
        more = step(*walk_, folders);
    }
    known_.clear();
    walk_->cost += steady_now() - begun;
    if (!more) {
        patrol_.handle_walked(walk_->place, walk_->cost, now);
        if (walk_->once && to_walk_.empty()) {
            catalog_->set_scanning(false);
        }
        walk_.reset();
    }
    return more || !to_walk_.empty() || patrol_.next_timeout().value_or(TimePoint::max()) <= now;
}

// What is left out -----------------------------------------------------------------------------

void Tracker::note_left_out(const Place& place, const std::string& name,
                            std::optional<LeftOut::Reason> reason) {
    reason ? left_out_.add(place, name, *reason) : left_out_.remove(place, name);
}

void Tracker::tell_left_out(TimePoint now) {
    if (const auto news = left_out_.news(now); news && options_.hash_in_background) {
        log::warning("not offered: " + *news);
    }
}

std::optional<Store::Notes> Tracker::take_notes() {
    if (std::exchange(notes_told_, left_out_.changes() + patrol_.changes()) ==
        left_out_.changes() + patrol_.changes()) {
        return std::nullopt;
    }
    const auto or_none = [](std::string text) { return text.empty() ? "0" : text; };
    return Store::Notes{{"left-out", or_none(left_out_.summary())},
                        {"polled", or_none(patrol_.summary(shared_->path(), downloads_->path()))}};
}

bool Tracker::work(TimePoint now, TimePoint deadline) {
    now_ = now;
    tell_left_out(now);
    if (rescan_at_ && now >= *rescan_at_) {
        rescan(now);
    }
    if (see_again_at_ && now >= *see_again_at_) {
        see_again();
    }
    if (!unsettled_.empty() && now >= settle_at_) {
        settle_at_ = now + settle_interval;
        settle();
    }
    const bool walking = walk(now, deadline);
    const bool more = hasher_.work(now, deadline);
    return more || prove_partials(deadline) || walking;
}

std::optional<TimePoint> Tracker::next_timeout() const {
    std::optional<TimePoint> next = hasher_.next_timeout();
    for (const auto& again : {rescan_at_, see_again_at_, patrol_.next_timeout()}) {
        if (again && (!next || *again < *next)) {
            next = again;
        }
    }
    if (!unsettled_.empty() && (!next || settle_at_ < *next)) {
        next = settle_at_;
    }
    return next;
}

void Tracker::hash_first(const SafePath& name) {
    // A folder that was made just now.
    if (!catalog_->is_subfolder(name.text()) && shared_->open_folder(name.text())) {
        know_folder(name.text());
    }
    Caches folders = caches();
    for (const Where where : {Where::shared, Where::downloads}) {
        look_at(where, name, folders);
        const Holding::State state = catalog_->find_in(where, name.text()).state;
        if (state == Holding::State::pending) {
            hasher_.add_first(where, name);
        }
        if (state != Holding::State::absent) {
            return;
        }
    }
}

bool Tracker::take_dirty() {
    const bool hashed = hasher_.take_hashed();
    return std::exchange(dirty_, false) || hashed;
}

}  // namespace shoal::store
