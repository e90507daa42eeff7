#include "shoal/store/editor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "file_io.hpp"
#include "shoal/base/text.hpp"
#include "sync_folders.hpp"
#include "tracker.hpp"

namespace shoal::store {
namespace {

std::string quoted(const SafePath& path) { return "'" + text::escape(path.text()) + "'"; }
Error failed(const char* what, const SafePath& path, int why) {
    return system_error(std::string("cannot ") + what + " " + quoted(path), why);
}

std::string_view above(std::string_view folder) {
    const std::size_t slash = folder.rfind('/');
    return slash == folder.npos ? std::string_view{} : folder.substr(0, slash);
}

// The folder, or the nearest one above it that exists.
Result<Fd> nearest_folder(const Root& root, std::string_view folder) {
    while (true) {
        Result<Fd> there = root.open_folder(folder);
        if (there || there.error().kind != ErrorKind::not_found || folder.empty()) {
            return there;
        }
        folder = above(folder);
    }
}

Status check_mtime(std::int64_t seconds) {
    if (seconds < 0 || seconds > mtime_max_s) {
        return Error{ErrorKind::bad_input, "that time is not between 1970 and 2255"};
    }
    return {};
}

Error own_file(const SafePath& path) {
    return {ErrorKind::forbidden, quoted(path) + " is a file of this peer's own, not shared"};
}

// What the name must not be: a folder, or what is not shown.
Status check_replaceable(const struct stat& there, const SafePath& path) {
    if (S_ISDIR(there.st_mode)) {
        return Error{ErrorKind::exists, quoted(path) + " is a folder"};
    }
    if (!S_ISREG(there.st_mode)) {
        return Error{ErrorKind::forbidden, quoted(path) + " is not a regular file"};
    }
    return {};
}

}  // namespace

// A name that is there, with the folder it is in.
struct Editor::Place {
    Fd folder;
    std::string name;
    struct stat status {};
};

Result<Editor::Place> Editor::find(const SafePath& path) const {
    Result<Fd> folder = root_->open_folder_of(path, false);
    if (!folder) {
        return folder.error();
    }
    Place place{std::move(*folder), std::string(path.name()), {}};
    if (::fstatat(place.folder.get(), place.name.c_str(), &place.status, AT_SYMLINK_NOFOLLOW) !=
        0) {
        return failed("find", path, errno);
    }
    if (root_->hides(path.text(), place.status)) {
        return own_file(path);
    }
    return place;
}

// Drafts ---------------------------------------------------------------------------------------

Result<Draft> Editor::draft(const SafePath& name) {
    if (root_->hides(name.text())) {
        return own_file(name);
    }
    if (const Result<Place> there = find(name)) {
        if (const Status may = check_replaceable(there->status, name); !may) {
            return may.error();
        }
    } else if (there.error().kind == ErrorKind::forbidden) {
        return there.error();
    }
    Draft draft(name);
    Result<Fd> folder = nearest_folder(*root_, name.folder());
    if (!folder) {
        return folder.error();
    }
    draft.folder_ = move_above_select(std::move(*folder));
    if (const int why = draft.file_.make(draft.folder_.get()); why != 0) {
        return failed("make a file for", name, why);
    }
    return draft;
}

// With no writer left, so that whoever writes to it from now on is heard of. 0 or the errno.
int Editor::name_draft(Draft& draft, int folder, const std::string& name, bool must_be_new) {
    if (const int why = draft.file_.make_read_only(); why != 0) {
        return why;
    }
    if (must_be_new) {
        return draft.file_.become(folder, name.c_str());
    }
    const char* const temp = draft.file_.name().c_str();
    return ::renameat(draft.folder_.get(), temp, folder, name.c_str()) == 0 ? 0 : errno;
}

Status Editor::publish(Draft draft, const SafePath& name, integrity::FileTree tree,
                       std::optional<std::int64_t> mtime_s, bool must_be_new) {
    if (name.folder() != draft.name().folder()) {
        return Error{ErrorKind::bad_input, quoted(name) + " is in another folder than it was"};
    }
    if (root_->hides(name.text())) {
        return own_file(name);
    }
    if (const Status fits = check_mtime(mtime_s.value_or(0)); !fits) {
        return fits;
    }
    const int fd = draft.file_.fd();
    int why = ::fchmod(fd, file_mode_) == 0 ? 0 : errno;
    why = why == 0 && mtime_s ? ::shoal::store::set_mtime(fd, *mtime_s) : why;
    why = why == 0 && ::fsync(fd) != 0 ? errno : why;
    if (why != 0) {
        return failed("write", name, why);
    }
    Result<Fd> folder = root_->open_folder_of(name, true);
    if (!folder) {
        return folder.error();
    }
    const std::string last(name.name());
    struct stat status {};
    if (::fstatat(folder->get(), last.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (const Status may = check_replaceable(status, name); !may) {
            return may;
        }
    }
    why = name_draft(draft, folder->get(), last, must_be_new);
    if (why == ESTALE) {
        return Error{ErrorKind::changed, quoted(name) + " was replaced while it came"};
    }
    if (why != 0) {
        return failed("save", name, why);
    }
    draft.file_.keep();
    // Only now: the rename is a change of the file's status.
    if (::fstat(fd, &status) != 0) {
        return failed("look at", name, errno);
    }
    if (tree.chunk_hashes.size() < 2) {
        tree.chunk_hashes = {};
    }
    tracker_->published(std::make_shared<const HeldFile>(
        HeldFile{name, where_, tree.id, std::move(tree.chunk_hashes), Stamp::of(status)}));
    const Status synced = sync_folders(*root_, {name.folder()});
    return synced ? synced
                  : Error{synced.error().kind, quoted(name) +
                                                   " is here, whole, but may not outlast a power "
                                                   "cut: " +
                                                   synced.error().message};
}

Result<bool> Editor::look(const SafePath& name, Stamp* stamp) const {
    const Result<Place> place = find(name);
    if (!place) {
        return place.error();
    }
    *stamp = Stamp::of(place->status);
    if (S_ISDIR(place->status.st_mode)) {
        return true;
    }
    if (const Status may = check_replaceable(place->status, name); !may) {
        return may.error();
    }
    return false;
}

// Files and folders -----------------------------------------------------------------------------

Status Editor::remove(const SafePath& file) {
    const Result<Place> place = find(file);
    if (!place) {
        return place.error();
    }
    if (S_ISDIR(place->status.st_mode)) {
        return Error{ErrorKind::bad_input, quoted(file) + " is a folder"};
    }
    if (const Status may = check_replaceable(place->status, file); !may) {
        return may;
    }
    if (::unlinkat(place->folder.get(), place->name.c_str(), 0) != 0) {
        return failed("remove", file, errno);
    }
    tracker_->look(where_, file);
    return sync_folders(*root_, {file.folder()});
}

Status Editor::make_folder(const SafePath& folder) {
    if (root_->hides(folder.text())) {
        return own_file(folder);
    }
    const Result<Fd> parent = root_->open_folder_of(folder, true);
    if (!parent) {
        return parent.error();
    }
    if (::mkdirat(parent->get(), std::string(folder.name()).c_str(), 0777) != 0) {
        return failed("make the folder", folder, errno);
    }
    tracker_->folder_made(folder);
    return sync_folders(*root_, {folder.text()});
}

Status Editor::remove_folder(const SafePath& folder) {
    const Result<Place> place = find(folder);
    if (!place) {
        return place.error();
    }
    if (!S_ISDIR(place->status.st_mode)) {
        return Error{ErrorKind::bad_input, quoted(folder) + " is not a folder"};
    }
    if (::unlinkat(place->folder.get(), place->name.c_str(), AT_REMOVEDIR) != 0) {
        return failed("remove the folder", folder, errno);
    }
    tracker_->folder_gone(folder);
    return sync_folders(*root_, {folder.folder()});
}

// The content is as it was, so that it need not be hashed again; the stamp is not.
void Editor::carry_over(const Holding& was, const SafePath& to) {
    struct stat status {};
    const Result<Place> place = find(to);
    if (place) {
        status = place->status;
    }
    const Stamp now = Stamp::of(status);
    const bool same = place && was.state == Holding::State::complete &&
                      was.file->stamp.device == now.device && was.file->stamp.inode == now.inode &&
                      was.file->stamp.size == now.size;
    if (!same) {
        return tracker_->look(where_, to);
    }
    tracker_->published(std::make_shared<const HeldFile>(
        HeldFile{to, where_, was.file->id, was.file->chunk_hashes, now}));
}

Status Editor::rename(const SafePath& from, const SafePath& to, bool replace) {
    const Result<Place> place = find(from);
    if (!place) {
        return place.error();
    }
    const bool is_folder = S_ISDIR(place->status.st_mode);
    if (root_->hides(to.text()) || root_->has_own_below(from.text())) {
        return own_file(root_->hides(to.text()) ? to : from);
    }
    if (!is_folder) {
        if (const Status may = check_replaceable(place->status, from); !may) {
            return may;
        }
    }
    if (from == to) {
        return {};
    }
    if (to.text().starts_with(from.text() + "/")) {
        return Error{ErrorKind::bad_input, quoted(to) + " is below " + quoted(from)};
    }
    const Result<Fd> folder = root_->open_folder_of(to, true);
    if (!folder) {
        return folder.error();
    }
    const std::string last(to.name());
    struct stat there {};
    const bool taken = ::fstatat(folder->get(), last.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (taken && (is_folder || !replace || !S_ISREG(there.st_mode))) {
        return Error{ErrorKind::exists, quoted(to) + " exists"};
    }
    Holding was = catalog_->find_in(where_, from.text());
    if (was.file && was.file->stamp != Stamp::of(place->status)) {
        was = {};
    }
    const int old_folder = place->folder.get();
    int why = 0;
    if (!taken) {
        why = rename_new(old_folder, place->name.c_str(), folder->get(), last.c_str());
    } else if (::renameat(old_folder, place->name.c_str(), folder->get(), last.c_str()) != 0) {
        why = errno;
    }
    if (why != 0) {
        return failed("rename", from, why);
    }
    if (is_folder) {
        tracker_->folder_moved(from, to);
    } else {
        tracker_->look(where_, from);
        carry_over(was, to);
    }
    return sync_folders(*root_, {from.folder(), to.folder()});
}

Status Editor::set_mtime(const SafePath& file, std::int64_t seconds) {
    if (const Status fits = check_mtime(seconds); !fits) {
        return fits;
    }
    Stamp stamp;
    const Result<Fd> fd = root_->open_file(file, &stamp);
    if (!fd) {
        return fd.error();
    }
    Holding was = catalog_->find_in(where_, file.text());
    if (was.file && was.file->stamp != stamp) {
        was = {};
    }
    if (const int why = ::shoal::store::set_mtime(fd->get(), seconds); why != 0) {
        return failed("set the time of", file, why);
    }
    carry_over(was, file);
    return {};
}

}  // namespace shoal::store
