// Root: a folder that everything below is opened beneath, by descriptor. No symbolic link is
// followed, nothing leaves it (openat2 RESOLVE_BENEATH, else O_NOFOLLOW per component).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::store {

// What tells that a file is still the one that was hashed. The time of the last change of
// status is part of it: nobody can set that one back, as `touch` and `tar` do with mtime.
struct Stamp {
    std::uint64_t device{};
    std::uint64_t inode{};
    std::uint64_t size{};
    std::int64_t mtime_ns{};
    std::int64_t ctime_ns{};

    [[nodiscard]] std::int64_t mtime_s() const { return mtime_ns / 1'000'000'000; }
    friend bool operator==(const Stamp&, const Stamp&) = default;
    static Stamp of(const struct stat& status);
};

// Immutable after open(); any thread.
class Root {
  public:
    // Creates the folder when it is missing. `own`: files and folders that this process uses itself
    // (its secret, users, log, settings, state): what of them lies beneath is as if it were not
    // there for sharing, also under another name (a hard link). They need not exist yet.
    static Result<Root> open(const std::string& path, const std::vector<std::string>& own = {});

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

    // Whether `name` is one of the process's own files or is below one of its folders.
    [[nodiscard]] bool hides(std::string_view name) const;
    // The same, or `there`, which stands under it, is another name of one.
    [[nodiscard]] bool hides(std::string_view name, const struct stat& there) const;
    // Whether one of them is below that folder.
    [[nodiscard]] bool has_own_below(std::string_view folder) const;

    // Regular files only; a FIFO, device or socket is ErrorKind::forbidden and never blocks.
    Result<Fd> open_file(const SafePath& path, Stamp* stamp = nullptr) const;
    // The folder of `path`, made with its parents when `create` is set. ErrorKind::exists: a file
    // stands where one of them must go.
    Result<Fd> open_folder_of(const SafePath& path, bool create) const;
    // Any folder beneath, "" for the root itself.
    Result<Fd> open_folder(std::string_view prefix) const;
    // Whether the path still leads to this folder: else what is made here is not seen there.
    [[nodiscard]] Status check_in_place() const;
    // Bytes free for this user on the file system.
    [[nodiscard]] Result<std::uint64_t> free_space() const;

  private:
    Root(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    void hide(const std::vector<std::string>& own);
    [[nodiscard]] bool is_own(const struct stat& there) const;

    std::string path_;
    Fd fd_;
    std::vector<std::string> own_;     // as they were given
    std::vector<std::string> hidden_;  // those beneath, by name
};

}  // namespace shoal::store
