// Catalog: what this host holds, by name and by content. Shared by all threads under its own
// lock; main changes it, everybody asks it. Calls are short and never touch the disk, except
// open_for_serving(), which does so outside the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/guarded.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/integrity/unhashed.hpp"
#include "shoal/store/partial_file.hpp"
#include "shoal/store/root.hpp"

namespace shoal::store {

enum class Where : std::uint8_t { shared, downloads };

// A finished file as it was when hashed. Immutable.
struct HeldFile {
    SafePath name;
    Where where{};
    integrity::FileId id;
    std::vector<integrity::Digest> chunk_hashes;  // empty for a file of one chunk
    Stamp stamp;
};

// A file that the disk shows and whose root is not known yet.
struct PendingFile {
    std::uint64_t size{};
    std::int64_t mtime_s{};
    std::uint64_t hashed{};     // bytes so far
    bool being_written{false};  // it waits for its writer, not for the hasher
    friend bool operator==(const PendingFile&, const PendingFile&) = default;
};

// One answer of the catalog.
struct Holding {
    enum class State { absent, pending, unreadable, partial, complete };
    State state{State::absent};
    std::shared_ptr<const HeldFile> file;  // complete
    std::shared_ptr<PartialFile> partial;  // partial
    PendingFile pending;                   // pending
};

struct CatalogRecord {
    std::string name;
    integrity::FileId id;  // pending: unhashed()
    std::uint64_t held{};  // chunks
    std::int64_t mtime_s{};
    Where where{};
    std::string part_path{};  // of a partial file
};

// What stands directly in a folder: a file that is hashed, one that is pending, or a folder.
struct CatalogChild {
    std::string name;  // without the path before it
    std::shared_ptr<const HeldFile> file;
    std::optional<PendingFile> pending;
    std::int64_t mtime_s{};  // of a folder that subfolders() tells
    [[nodiscard]] bool is_folder() const { return !file && !pending; }
};
struct ChildPage {
    std::vector<CatalogChild> rows;
    std::string next;  // where the next page begins; empty: this was the last
};

class Catalog {
  public:
    Catalog(const Root& shared, const Root& downloads) : shared_(&shared), downloads_(&downloads) {}

    // A name in both folders is shared/'s. A partial file is found under its final name when
    // no finished file has it.
    [[nodiscard]] Holding find(std::string_view name) const;
    // Any name that has this content; a complete one before a partial one.
    [[nodiscard]] Holding find(const integrity::FileId& id) const;
    // As find(name), but of one folder only.
    [[nodiscard]] Holding find_in(Where where, std::string_view name) const;

    // Names with `prefix`, greater than `after` (bytewise): hashed, partial and pending ones. One
    // that cannot be read is there all the same, and shown as pending.
    [[nodiscard]] std::vector<CatalogRecord> page(std::string_view prefix, std::string_view after,
                                                  std::size_t records_max) const;
    // Directly below `prefix` ("" or "a/b/") in one folder, by name, at most so many; `from`: ""
    // or the last page's `next`. Folders without files are told by subfolders().
    [[nodiscard]] ChildPage children(Where where, std::string_view prefix, std::string_view from,
                                     std::size_t rows_max) const;
    // Folders of shared/ directly below `prefix`, with files or without.
    [[nodiscard]] ChildPage subfolders(std::string_view prefix, std::string_view from,
                                       std::size_t rows_max) const;
    [[nodiscard]] bool is_subfolder(std::string_view name) const;  // "a/b"
    // Seconds since 1970, as the disk shows it; nullopt: there is no such folder in shared/.
    [[nodiscard]] std::optional<std::int64_t> folder_mtime(std::string_view name) const;
    // Whether parts that an earlier run left are still looked at: more may be held than they tell.
    [[nodiscard]] bool is_proving() const;
    // Whether every name that begins with `prefix` is in here. Else the disk may hold more: it is
    // being looked through, or a folder cannot be read.
    [[nodiscard]] bool knows_all(std::string_view prefix) const;
    // Whether they are but for what is below folders of unseen_below().
    [[nodiscard]] bool sees(std::string_view prefix) const;
    // Folders ("a/b/") that begin with `prefix` and cannot be read, by name.
    [[nodiscard]] std::set<std::string> unseen_below(std::string_view prefix) const;
    // Whether a file of that name that is not in here is not there: else it may stand in a folder
    // that cannot be read.
    [[nodiscard]] bool knows(std::string_view name) const;
    // Folders that cannot be read, and one more while the disk is looked through.
    [[nodiscard]] std::size_t unknown_count() const;
    // Grows whenever finished or pending files or folders come, change or go.
    [[nodiscard]] std::uint64_t tree_generation() const;
    // Grows whenever something that page() shows has changed.
    [[nodiscard]] std::uint64_t generation() const;
    struct Totals {
        std::uint64_t files{}, bytes{}, pending{}, partial{};
    };
    [[nodiscard]] Totals totals() const;

    // The file, if it is still what was hashed; ErrorKind::changed if not, and then the listener
    // is told.
    [[nodiscard]] Result<Fd> open_for_serving(const HeldFile& file) const;
    // `listener` is called, on whatever thread, with a file that is not what was hashed. To be set
    // before the catalog is shared; must not block.
    void on_changed(std::function<void(const HeldFile&)> listener) {
        changed_listener_ = std::move(listener);
    }

    // A part of downloads/ that has no descriptor of its own; ErrorKind::changed if it is gone.
    [[nodiscard]] Result<Fd> open_part(const PartialFile& partial) const;

    // Main only.
    void put(std::shared_ptr<const HeldFile> file);
    // `stamp` as the disk shows it.
    void put_pending(Where where, const SafePath& name, const Stamp& stamp = {});
    // How far a pending file is; other names are left alone.
    void set_hashed(Where where, std::string_view name, std::uint64_t bytes);
    void set_being_written(Where where, std::string_view name, bool is);
    // The disk is looked through; until it is over, names may be missing.
    void set_scanning(bool on);
    void set_proving(bool on);
    // A folder ("" or "a/b/") that cannot be read, and whose names are unknown therefore. False: it
    // was known to be one.
    bool put_unseen(Where where, std::string_view prefix);
    void remove_unseen(Where where, std::string_view prefix);
    void remove_unseen_below(Where where, std::string_view prefix);  // and itself
    [[nodiscard]] std::vector<std::pair<Where, std::string>> unseen() const;
    void put_unreadable(Where where, const SafePath& name, const Stamp& stamp = {});
    void remove(Where where, std::string_view name);
    // Folders of shared/ that exist: "a/b".
    void put_folder(std::string_view name, std::int64_t mtime_s);
    void set_folder_mtime(std::string_view name, std::int64_t mtime_s);  // if it is in here
    void remove_folders(std::string_view name);                          // and all below
    [[nodiscard]] std::vector<std::string> folders() const;
    void put_partial(std::shared_ptr<PartialFile> partial);
    void remove_partial(const PartialFile& partial);
    // Contents that became complete here, or went, since the last call.
    std::vector<integrity::FileId> take_changed();
    // Names that were pending, and in that folder are no longer, since the last call.
    std::vector<std::string> take_settled();

    // Files of any state whose names lie below `prefix` ("" or "a/b/"), in order; main's scans.
    // `after`: only those behind it; at most `names_max`.
    [[nodiscard]] std::vector<SafePath> names_below(Where where, std::string_view prefix,
                                                    std::string_view after = {},
                                                    std::size_t names_max = SIZE_MAX) const;
    // Every hashed file, for the index.
    [[nodiscard]] std::vector<std::shared_ptr<const HeldFile>> complete_files() const;
    [[nodiscard]] std::vector<std::shared_ptr<PartialFile>> partials() const;

  private:
    // A slot's file is all there is of a finished file, or name, size and times of an unhashed one.
    struct Slot {
        Holding::State state{Holding::State::pending};
        std::shared_ptr<const HeldFile> file;
        std::uint64_t hashed{0};
        bool being_written{false};
    };
    struct ById {
        using is_transparent = void;
        using File = std::shared_ptr<const HeldFile>;
        bool operator()(const File& left, const File& right) const {
            return left->id != right->id ? left->id < right->id : left < right;
        }
        bool operator()(const File& left, const integrity::FileId& right) const {
            return left->id < right;
        }
        bool operator()(const integrity::FileId& left, const File& right) const {
            return left < right->id;
        }
    };
    // Keys are views of the names inside the values.
    using Folder = std::map<std::string_view, Slot>;
    using Partials = std::multimap<std::string_view, std::shared_ptr<PartialFile>>;
    struct State {
        Folder folders[2];
        std::set<std::shared_ptr<const HeldFile>, ById> by_id;  // one file may have many names
        Partials partials;                                      // versions of one name side by side
        // Of shared/, each with a '/' behind it; when it was changed.
        std::map<std::string, std::int64_t, std::less<>> subfolders;
        std::uint64_t generation{1};
        std::uint64_t tree_generation{1};
        Totals totals;
        std::vector<integrity::FileId> changed;
        std::vector<std::string> settled;
        bool scanning{false};
        bool proving{false};
        std::set<std::pair<Where, std::string>> unseen;

        void erase(Folder& folder, Folder::iterator slot);
        void put(Where where, Slot slot);
        void erase_partial(std::string_view name, std::string_view part_path);
    };
    Slot* pending_slot(State& state, Where where, std::string_view name) const;
    static PendingFile pending_of(const Slot& slot);
    static Holding holding_of(const Slot& slot);

    const Root* shared_;
    const Root* downloads_;
    std::function<void(const HeldFile&)> changed_listener_;
    Guarded<State> state_;
};

}  // namespace shoal::store
