#include "small_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "file_io.hpp"
#include "file_names.hpp"
#include "folder_cache.hpp"
#include "shoal/base/text.hpp"
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
           integrity::Geometry(file.id.size).chunk_count() <= 1 &&
           !file_names::is_journal(file.name.name());
}

class Batch {
  public:
    Batch(const Root& root, mode_t file_mode, std::span<const SmallFile> files)
        : root_(root),
          file_mode_(file_mode),
          files_(files),
          one_by_one_(files.size() <= fdatasync_files_max),
          folders_(root, FolderCache::Missing::is_made),
          results_(files.size(), Stamp{}) {}

    std::vector<Result<Stamp>> run() {
        for (std::size_t i = 0; i < files_.size(); ++i) {
            results_[i] = write_temp(files_[i]);
        }
        sync_data();
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (results_[i]) {
                results_[i] = rename(files_[i]);
            }
        }
        sync_names();
        return std::move(results_);
    }

  private:
    static std::string temp_name(const SmallFile& file) {
        return file_names::part_of_version(file.name.name(), file.id.root);
    }

    void remove_temp(const SmallFile& file) {
        if (const Result<int> folder = folders_.folder_of(file.name)) {
            ::unlinkat(*folder, temp_name(file).c_str(), 0);
        }
    }

    // The error, after the temporary file is gone.
    Error give_up(const SmallFile& file, const char* what, int why) {
        remove_temp(file);
        return failure(file, what, why);
    }

    Result<Stamp> write_temp(const SmallFile& file) {
        if (!is_acceptable(file)) {
            return Error{ErrorKind::bad_input, "'" + text::escape(file.name.text()) +
                                                   "' cannot be saved: its size or name is wrong"};
        }
        const Result<int> folder = folders_.folder_of(file.name);
        if (!folder) {
            return folder.error();
        }
        constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        const std::string temp = temp_name(file);
        Fd fd(::openat(*folder, temp.c_str(), flags, 0600));
        if (!fd && errno == EEXIST && ::unlinkat(*folder, temp.c_str(), 0) == 0) {
            fd = Fd(::openat(*folder, temp.c_str(), flags, 0600));  // an earlier crash left it
        }
        if (!fd) {
            return failure(file, "cannot make a file for", errno);
        }
        int why = write_all(fd.get(), 0, file.bytes);
        if (file.mtime_s) {
            (void)set_mtime(fd.get(), *file.mtime_s);  // what others say may not fit
        }
        if (why == 0 &&
            (::fchmod(fd.get(), file_mode_) != 0 || (one_by_one_ && ::fdatasync(fd.get()) != 0))) {
            why = errno;
        }
        if (const int closed = close_checked(std::move(fd)); why == 0) {
            why = closed;
        }
        if (why != 0) {
            return give_up(file, "cannot write", why);
        }
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
                results_[i] = give_up(files_[i], "cannot sync", why);
            }
        }
    }

    Result<Stamp> rename(const SmallFile& file) {
        const Result<int> folder = folders_.folder_of(file.name);
        if (!folder) {
            return folder.error();
        }
        const std::string name(file.name.name());
        const int why = rename_new(*folder, temp_name(file).c_str(), *folder, name.c_str());
        if (why != 0) {
            return give_up(file, "cannot save", why);
        }
        // By name and only now: the rename is a change of the file's status.
        struct stat status {};
        if (::fstatat(*folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return failure(file, "cannot look at", errno);
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
                results_[i] = synced.error();
            }
        }
    }

    const Root& root_;
    mode_t file_mode_;
    std::span<const SmallFile> files_;
    bool one_by_one_;
    FolderCache folders_;
    std::vector<Result<Stamp>> results_;
};

}  // namespace

std::vector<Result<Stamp>> write_small_files(const Root& root, mode_t file_mode,
                                             std::span<const SmallFile> files) {
    return Batch(root, file_mode, files).run();
}

}  // namespace shoal::store
