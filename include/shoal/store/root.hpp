// Root: a folder that everything below is opened beneath, by descriptor. No symbolic link is
// followed, nothing leaves it (openat2 RESOLVE_BENEATH, else O_NOFOLLOW per component).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

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

    friend bool operator==(const Stamp&, const Stamp&) = default;
    static Stamp of(const struct stat& status);
};

// Immutable after open(); any thread.
class Root {
  public:
    // Creates the folder when it is missing.
    static Result<Root> open(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

    // Regular files only; a FIFO, device or socket is ErrorKind::forbidden and never blocks.
    Result<Fd> open_file(const SafePath& path, Stamp* stamp = nullptr) const;
    // The folder of `path`, made with its parents when `create` is set.
    Result<Fd> open_folder_of(const SafePath& path, bool create) const;
    // Any folder beneath, "" for the root itself.
    Result<Fd> open_folder(std::string_view prefix) const;
    // Bytes free for this user on the file system.
    [[nodiscard]] Result<std::uint64_t> free_space() const;

  private:
    Root(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    Fd fd_;
};

}  // namespace shoal::store
