#include "shoal/store/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "file_names.hpp"
#include "index_file.hpp"
#include "partial_store.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"
#include "small_files.hpp"
#include "tracker.hpp"

namespace shoal::store {
namespace {

constexpr Duration slice = 10ms;
constexpr Duration save_interval = 5s;
constexpr std::size_t small_files_per_round = 1024;  // four events each; the queue holds 16,384
constexpr unsigned free_name_tries = 100'000;

// The process's umask, which can only be read by setting it.
mode_t current_umask() {
    const mode_t mask = ::umask(077);
    ::umask(mask);
    return mask;
}

}  // namespace

struct Store::Impl {
    Impl(Root shared_root, Root downloads_root, IndexFile index_file, const StoreOptions& options)
        : file_mode(0644 & ~current_umask()),
          shared(std::move(shared_root)),
          downloads(std::move(downloads_root)),
          index(std::move(index_file)),
          catalog(shared, downloads),
          partials(downloads, file_mode),
          tracker(shared, downloads, catalog, partials,
                  {options.hash_in_background, options.watch}),
          shared_editor(Where::shared, shared, catalog, tracker, file_mode),
          downloads_editor(Where::downloads, downloads, catalog, tracker, file_mode) {}

    [[nodiscard]] bool is_index_dirty() {
        dirty = tracker.take_dirty() || dirty;
        return dirty && index.writable();
    }
    Status save_index(bool at_last) {
        dirty = false;
        return index.save(tracker.settled_files(at_last), tracker.used_mounts());
    }
    // A finished download is offered.
    void offer(const SafePath& name, const integrity::FileId& id,
               const std::vector<integrity::Digest>& chunk_hashes, const Stamp& stamp) {
        tracker.published(std::make_shared<const HeldFile>(
            HeldFile{name, Where::downloads, id, chunk_hashes, stamp}));
    }
    Status make_way(const SafePath& name);
    [[nodiscard]] bool is_taken(const SafePath& name) const;

    mode_t file_mode;
    Root shared;
    Root downloads;
    IndexFile index;
    Catalog catalog;
    PartialStore partials;
    Tracker tracker;
    Editor shared_editor;
    Editor downloads_editor;
    bool dirty{false};
    TimePoint now{};
    std::optional<TimePoint> saved_at;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
    if (impl_->is_index_dirty() || (impl_->index.writable() && impl_->tracker.has_unsettled())) {
        if (const Status saved = impl_->save_index(true); !saved) {
            log::warning(saved.error().message);
        }
    }
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
    std::vector<std::string> own = options.own;
    for (const std::string_view name :
         {file_names::index, file_names::index_temp, file_names::index_lock}) {
        own.push_back(options.state + '/' + std::string(name));
    }
    Result<Root> shared = Root::open(options.shared, own);
    if (!shared) {
        return shared.error();
    }
    Result<Root> downloads = Root::open(options.downloads, own);
    if (!downloads) {
        return downloads.error();
    }
    Result<IndexFile> index = IndexFile::open(options.state);
    if (!index) {
        return index.error();
    }
    auto impl = std::make_unique<Impl>(std::move(*shared), std::move(*downloads), std::move(*index),
                                       options);
    impl->tracker.scan_all(impl->index.load());
    return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Catalog& Store::catalog() { return impl_->catalog; }
const Root& Store::downloads() const { return impl_->downloads; }
Editor& Store::editor(Where where) {
    return where == Where::shared ? impl_->shared_editor : impl_->downloads_editor;
}
int Store::watch_fd() const { return impl_->tracker.watch_fd(); }

void Store::handle_watch(TimePoint now) {
    impl_->now = now;
    impl_->tracker.handle_watch(now);
}

int Store::mounts_fd() const { return impl_->tracker.mounts_fd(); }

void Store::handle_mounts(TimePoint now) {
    impl_->now = now;
    impl_->tracker.handle_mounts(now);
}

std::optional<Store::Notes> Store::take_notes() { return impl_->tracker.take_notes(); }

bool Store::work(TimePoint now) {
    impl_->now = now;
    const bool more = impl_->tracker.work(now, steady_now() + slice);
    const bool may_save = !impl_->saved_at || now >= *impl_->saved_at + save_interval;
    if (may_save && impl_->is_index_dirty()) {
        impl_->saved_at = now;
        if (const Status saved = impl_->save_index(false); !saved) {
            log::warning(saved.error().message);
        }
    }
    return more;
}

std::optional<TimePoint> Store::next_timeout() const {
    std::optional<TimePoint> next = impl_->tracker.next_timeout();
    if (impl_->is_index_dirty()) {
        const TimePoint save = impl_->saved_at ? *impl_->saved_at + save_interval : impl_->now;
        next = next ? std::min(*next, save) : save;
    }
    return next;
}

void Store::hash_first(std::string_view name) {
    impl_->tracker.handle_watch(impl_->now);
    if (const Result<SafePath> path = SafePath::parse(name)) {
        impl_->tracker.hash_first(*path);
    }
}

void Store::look_again(Where where, const SafePath& name) { impl_->tracker.look(where, name); }

Result<std::shared_ptr<PartialFile>> Store::open_partial(
    const SafePath& name, const integrity::FileId& id, std::vector<integrity::Digest> chunk_hashes,
    bool rename_on_clash) {
    auto partial = impl_->partials.open({name, id, std::move(chunk_hashes)}, rename_on_clash);
    if (partial) {
        impl_->catalog.put_partial(*partial);
    }
    return partial;
}

Status Store::finish(const std::shared_ptr<PartialFile>& partial, const SafePath& final_name,
                     std::optional<std::int64_t> mtime_s) {
    if (Status way = impl_->make_way(final_name); !way) {
        return way;
    }
    const Result<Stamp> stamp = impl_->partials.finish(*partial, final_name, mtime_s);
    if (!stamp) {
        return stamp.error();
    }
    // In this order, so that it is found at every moment.
    impl_->offer(final_name, partial->id(), partial->chunk_hashes(), *stamp);
    impl_->catalog.remove_partial(*partial);
    return {};
}

Status Store::close_partial(const std::shared_ptr<PartialFile>& partial) {
    const Status closed = impl_->partials.close(*partial);
    impl_->catalog.remove_partial(*partial);
    // Beyond so many it only stays on the disk, for a resume.
    if (partial->held_count() > 0 && impl_->catalog.partials().size() < partials_offered_max) {
        impl_->catalog.put_partial(PartialStore::resting(*partial));
    }
    return closed;
}

void Store::drop_partial(const std::shared_ptr<PartialFile>& partial) {
    impl_->partials.drop(*partial);
    impl_->catalog.remove_partial(*partial);
}

bool Store::must_be_proven(PartialFile& partial) { return impl_->tracker.must_be_proven(partial); }

// What is like one of our own names may be one: of a download that is under way, or of an
// earlier one.
Status Store::Impl::make_way(const SafePath& name) {
    if (!file_names::is_like_own(name.name())) {
        return {};
    }
    for (const auto& partial : catalog.partials()) {
        const std::string part = partial->part_path();
        if (PartialStore::is_open(*partial) &&
            (part == name.text() || file_names::journal(part) == name.text())) {
            return partials.make_way(*partial);
        }
    }
    return partials.make_way(name);
}

bool Store::remove_part(std::string_view part_path) {
    if (!file_names::is_part(part_path) ||
        impl_->catalog.find_in(Where::downloads, part_path).file) {
        return false;
    }
    bool offered = false;
    for (const auto& partial : impl_->catalog.partials()) {
        if (partial->part_path() == part_path) {
            offered = true;
            if (impl_->partials.remove(*partial)) {
                impl_->catalog.remove_partial(*partial);
            }
        }
    }
    const auto journal = SafePath::parse(file_names::journal(part_path));
    if (!offered && journal) {
        if (const auto rest = impl_->partials.load(*journal)) {
            impl_->partials.remove(**rest);
        }
    }
    return true;
}

std::vector<Status> Store::save_small(std::span<const SmallFile> files) {
    std::vector<Status> statuses;
    statuses.reserve(files.size());
    while (!files.empty()) {
        const auto round = files.first(std::min(files.size(), small_files_per_round));
        files = files.subspan(round.size());
        std::vector<Status> ways;
        for (const SmallFile& file : round) {
            ways.push_back(impl_->make_way(file.name));
        }
        const auto stamps = write_small_files(impl_->downloads, impl_->file_mode, round);
        for (std::size_t i = 0; i < round.size(); ++i) {
            if (!stamps[i] && !ways[i]) {
                statuses.push_back(ways[i]);
                continue;
            }
            if (!stamps[i]) {
                statuses.push_back(stamps[i].error());
                continue;
            }
            impl_->offer(round[i].name, round[i].id, {}, *stamps[i]);
            statuses.emplace_back();
        }
        // The events of our own doing, before they fill the queue.
        impl_->tracker.handle_watch(impl_->now);
    }
    return statuses;
}

bool Store::Impl::is_taken(const SafePath& name) const {
    const Result<Fd> folder = downloads.open_folder_of(name, false);
    struct stat status {};
    return (folder && ::fstatat(folder->get(), std::string(name.name()).c_str(), &status,
                                AT_SYMLINK_NOFOLLOW) == 0) ||
           catalog.find(name.text()).state == Holding::State::partial;
}

Result<SafePath> Store::free_name(const SafePath& taken) {
    // Where a file stands in the place of its folder, no name is free.
    if (const Result<Fd> folder = impl_->downloads.open_folder_of(taken, true); !folder) {
        return folder.error();
    }
    for (unsigned number = 1; number < free_name_tries; ++number) {
        std::string text(taken.folder());
        text += text.empty() ? "" : "/";
        text += file_names::numbered(taken.name(), number);
        const Result<SafePath> name = SafePath::parse(text);
        if (!name || !impl_->is_taken(*name)) {
            return name;
        }
    }
    return Error{ErrorKind::exists, "no free name like '" + text::escape(taken.text()) +
                                        "' is left in the downloads folder"};
}

Status Store::save_index() {
    impl_->tracker.take_dirty();
    impl_->saved_at = impl_->now;
    return impl_->save_index(true);
}

}  // namespace shoal::store
