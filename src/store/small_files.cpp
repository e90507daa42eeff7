#include "small_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "file_io.hpp"
#include "folder_cache.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/draft_file.hpp"
#include "sync_folders.hpp"

namespace shoal::store {
namespace {

// Up to so many are synced one by one; one syncfs() for more of them costs less, though it
// also waits for what others have written.
constexpr std::size_t fdatasync_files_max = 4;

Error failure(const SmallFile& file, const char* what, int why) {
    return system_error(std::string(what) + " '" + text::escape(file.name.text()) + "'", why);
}

bool is_acceptable(const SmallFile& file) {
    return file.bytes.size() == file.id.size &&
           integrity::Geometry(file.id.size).chunk_count() <= 1;
}

class Batch {
  public:
    Batch(const Root& root, mode_t file_mode, std::span<const SmallFile> files)
        : root_(root),
          file_mode_(file_mode),
          files_(files),
          one_by_one_(files.size() <= fdatasync_files_max),
          folders_(root, FolderCache::Missing::is_made),
          written_(files.size()),
          results_(files.size(), Stamp{}) {}

    std::vector<Result<Stamp>> run() {
        if (const Status in_place = root_.check_in_place(); !in_place) {
            return std::vector<Result<Stamp>>(files_.size(), in_place.error());
        }
        for (std::size_t i = 0; i < files_.size(); ++i) {
            results_[i] = write_temp(i);
        }
        sync_data();
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (results_[i]) {
                results_[i] = rename(i);
            }
        }
        sync_names();
        return std::move(results_);
    }

  private:
    // A file that is written, until it has its name. Closed, since a batch is large; what keeps
    // other processes from taking it for a leftover is the lock on the root.
    struct Written {
        std::string temp;
        std::uint64_t inode{};
    };

    // The error, after the temporary file is gone.
    Error give_up(std::size_t index, const char* what, int why) {
        const SmallFile& file = files_[index];
        if (const Result<int> folder = folders_.folder_of(file.name); folder) {
            ::unlinkat(*folder, written_[index].temp.c_str(), 0);
        }
        return failure(file, what, why);
    }

    Result<Stamp> write_temp(std::size_t index) {
        const SmallFile& file = files_[index];
        if (!is_acceptable(file)) {
            return Error{ErrorKind::bad_input, "'" + text::escape(file.name.text()) +
                                                   "' cannot be saved: its size is wrong"};
        }
        const Result<int> folder = folders_.folder_of(file.name);
        if (!folder) {
            return folder.error();
        }
        DraftFile draft;
        if (const int why = draft.make(*folder); why != 0) {
            return failure(file, "cannot make a file for", why);
        }
        int why = write_all(draft.fd(), 0, file.bytes);
        if (file.mtime_s) {
            (void)set_mtime(draft.fd(), *file.mtime_s);  // what others say may not fit
        }
        struct stat status {};
        if (why == 0 &&
            (::fchmod(draft.fd(), file_mode_) != 0 || ::fstat(draft.fd(), &status) != 0 ||
             (one_by_one_ && ::fdatasync(draft.fd()) != 0))) {
            why = errno;
        }
        if (const int closed = draft.close(); why == 0) {
            why = closed;
        }
        if (why != 0) {
            return failure(file, "cannot write", why);
        }
        written_[index] = {draft.name(), status.st_ino};
        draft.keep();
        return Stamp{};
    }

    // One syncfs() for each file system that lies below the root.
    void sync_data() {
        if (one_by_one_) {
            return;
        }
        std::map<dev_t, Fd> systems;
        std::string_view last = "/";  // no folder's name
        for (std::size_t i = 0; i < files_.size(); ++i) {
            struct stat status {};
            if (!results_[i] || files_[i].name.folder() == last) {
                continue;
            }
            last = files_[i].name.folder();
            Result<Fd> folder = root_.open_folder(last);
            if (folder && ::fstat(folder->get(), &status) == 0) {
                systems.try_emplace(status.st_dev, std::move(*folder));
            }
        }
        int why = 0;
        for (const auto& [device, fd] : systems) {
            why = ::syncfs(fd.get()) == 0 ? why : errno;
        }
        for (std::size_t i = 0; why != 0 && i < files_.size(); ++i) {
            if (results_[i]) {
                results_[i] = give_up(i, "cannot sync", why);
            }
        }
    }

    Result<Stamp> rename(std::size_t index) {
        const SmallFile& file = files_[index];
        const Result<int> folder = folders_.folder_of(file.name);
        if (!folder) {
            return folder.error();
        }
        const std::string name(file.name.name());
        const int why = rename_new(*folder, written_[index].temp.c_str(), *folder, name.c_str());
        if (why != 0) {
            return give_up(index, "cannot save", why);
        }
        // By name and only now: the rename is a change of the file's status.
        struct stat status {};
        if (::fstatat(*folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return failure(file, "cannot look at", errno);
        }
        if (status.st_ino != written_[index].inode ||
            static_cast<std::uint64_t>(status.st_size) != file.id.size) {
            return Error{ErrorKind::changed, "'" + text::escape(file.name.text()) +
                                                 "' was replaced while it was saved"};
        }
        return Stamp::of(status);
    }

    void sync_names() {
        std::set<std::string_view> folders;
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (results_[i]) {
                folders.insert(files_[i].name.folder());
            }
        }
        if (folders.empty()) {
            return;
        }
        const Status synced = sync_folders(root_, folders);
        for (std::size_t i = 0; !synced && i < files_.size(); ++i) {
            if (results_[i]) {
                take_back(i);
                results_[i] = synced.error();
            }
        }
    }

    // Whether the name lasts is not known, so that it must not be there.
    void take_back(std::size_t index) {
        const SmallFile& file = files_[index];
        const Result<int> folder = folders_.folder_of(file.name);
        const std::string name(file.name.name());
        struct stat status {};
        if (folder && ::fstatat(*folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            Stamp::of(status) == *results_[index]) {
            ::unlinkat(*folder, name.c_str(), 0);
        }
    }

    const Root& root_;
    mode_t file_mode_;
    std::span<const SmallFile> files_;
    bool one_by_one_;
    FolderCache folders_;
    std::vector<Written> written_;
    std::vector<Result<Stamp>> results_;
};

}  // namespace

std::vector<Result<Stamp>> write_small_files(const Root& root, mode_t file_mode,
                                             std::span<const SmallFile> files) {
    const DraftsInUse in_use(root);
    return Batch(root, file_mode, files).run();
}

}  // namespace shoal::store
