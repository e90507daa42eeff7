// Editor: changes this host's shared folder, and the catalog with it; of downloads/ only remove()
// and set_mtime() are used, for what came through gateways. Main only, but for what is said of
// Draft. What is done is synced before a call returns.
//
// A new content is a Draft first: a file of mode 0600 with a name that begins with a dot and
// cannot be guessed, in the folder (or the nearest one above that exists) it is meant for, so
// that it is never offered, and takes its name in one step. Drafts that a crash left behind are
// removed at the next start; a lock tells them from those of other processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "shoal/base/fd.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/store/catalog.hpp"
#include "shoal/store/draft_file.hpp"
#include "shoal/store/root.hpp"

namespace shoal::store {

class Tracker;

// Removes its file when it goes, unless it was published. Any thread, one at a time.
class Draft {
  public:
    Draft(Draft&&) noexcept = default;
    Draft& operator=(Draft&&) = delete;

    [[nodiscard]] const SafePath& name() const { return name_; }
    [[nodiscard]] int fd() const { return file_.fd(); }  // to read and write

  private:
    friend class Editor;
    explicit Draft(SafePath name) : name_(std::move(name)) {}

    SafePath name_;
    Fd folder_;
    DraftFile file_;  // in that folder
};

class Editor {
  public:
    // `file_mode`: of published files.
    Editor(Where where, const Root& root, Catalog& catalog, Tracker& tracker, mode_t file_mode)
        : where_(where),
          root_(&root),
          catalog_(&catalog),
          tracker_(&tracker),
          file_mode_(file_mode) {}

    // `exists`: a folder has that name.
    Result<Draft> draft(const SafePath& name);
    // What stands there now, to begin a draft with.
    Result<Fd> open(const SafePath& file, Stamp* stamp) const {
        return root_->open_file(file, stamp);
    }
    // Whether a folder has that name, or (with its stamp) a file.
    Result<bool> look(const SafePath& name, Stamp* stamp) const;
    // Gives it its name, in the place of the file that has it now, or `exists` if it must be new;
    // folders that are missing are made. `tree` is what was hashed of it, `name` in the folder it
    // was made for, `mtime_s` now if not given. On an error all is as before, but when the disk
    // fails in the very last step.
    Status publish(Draft draft, const SafePath& name, integrity::FileTree tree,
                   std::optional<std::int64_t> mtime_s, bool must_be_new);

    Status remove(const SafePath& file);
    Status make_folder(const SafePath& folder);  // and those above it
    Status remove_folder(const SafePath& folder);
    // A file or a folder. `replace`: a file may take the place of a file.
    Status rename(const SafePath& from, const SafePath& to, bool replace);
    Status set_mtime(const SafePath& file, std::int64_t seconds);

  private:
    struct Place;
    Result<Place> find(const SafePath& path) const;
    static int name_draft(Draft& draft, int folder, const std::string& name, bool must_be_new);
    void carry_over(const Holding& was, const SafePath& to);

    Where where_;
    const Root* root_;
    Catalog* catalog_;
    Tracker* tracker_;
    mode_t file_mode_;
};

}  // namespace shoal::store
