#include "shoal/store/root.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "open_beneath.hpp"
#include "shoal/base/text.hpp"

namespace shoal::store {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::int64_t nanoseconds(const timespec& time) {
    // Files may claim any year: what does not fit wraps around.
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
                                     static_cast<std::uint64_t>(time.tv_nsec));
}

// mkdir -p; what is there already is fine.
int make_folders(const std::string& path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST && errno != EISDIR) {
            const int why = errno;
            if (::access(part.c_str(), F_OK) != 0) {
                return why;
            }
        }
        if (slash == path.npos) {
            return 0;
        }
    }
}

Error open_error(const std::string& root, std::string_view relative, int why) {
    const std::string what =
        "cannot open '" + text::escape(root + "/" + std::string(relative)) + "'";
    if (why == ELOOP || why == EXDEV) {
        return {ErrorKind::forbidden, what + ": symbolic links are not followed here"};
    }
    if (why == ENOTDIR) {
        return {ErrorKind::not_found, what + ": a part of the path is no folder"};
    }
    if (why == ENXIO || why == ENODEV) {
        return {ErrorKind::forbidden, what + ": it is not a regular file"};
    }
    return system_error(what, why);
}

}  // namespace

Stamp Stamp::of(const struct stat& status) {
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

Result<Root> Root::open(const std::string& path) {
    if (path.empty()) {
        return Error{ErrorKind::bad_input, "the name of a folder is empty"};
    }
    if (const int why = make_folders(path); why != 0) {
        return system_error("cannot make the folder '" + text::escape(path) + "'", why);
    }
    Fd fd(::open(path.c_str(), folder_flags));
    if (!fd) {
        return system_error("cannot open the folder '" + text::escape(path) + "'", errno);
    }
    return Root(path, move_above_select(std::move(fd)));
}

Result<Fd> Root::open_file(const SafePath& path, Stamp* stamp) const {
    // O_NONBLOCK: a FIFO swapped in must not hold up the thread.
    Fd fd = open_beneath(fd_.get(), path.text(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return open_error(path_, path.text(), errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return open_error(path_, path.text(), ENODEV);
    }
    if (stamp != nullptr) {
        *stamp = Stamp::of(status);
    }
    return fd;
}

Result<Fd> Root::open_folder(std::string_view prefix) const {
    Fd fd = open_beneath(fd_.get(), prefix, folder_flags);
    if (!fd) {
        return open_error(path_, prefix, errno);
    }
    return fd;
}

Result<Fd> Root::open_folder_of(const SafePath& path, bool create) const {
    Result<Fd> there = open_folder(path.folder());
    if (there || !create || there.error().kind != ErrorKind::not_found) {
        return there;
    }
    Fd at = open_beneath(fd_.get(), "", folder_flags);
    for (std::string_view rest = path.folder(); at && !rest.empty();) {
        const std::string component(rest.substr(0, rest.find('/')));
        rest.remove_prefix(std::min(component.size() + 1, rest.size()));
        if (::mkdirat(at.get(), component.c_str(), 0777) != 0 && errno != EEXIST) {
            return system_error("cannot make the folder of '" + text::escape(path.text()) +
                                    "' in '" + text::escape(path_) + "'",
                                errno);
        }
        at = Fd(::openat(at.get(), component.c_str(), folder_flags | O_NOFOLLOW));
    }
    if (!at) {
        return open_error(path_, path.folder(), errno);
    }
    return at;
}

Result<std::uint64_t> Root::free_space() const {
    struct statvfs status {};
    if (::fstatvfs(fd_.get(), &status) != 0) {
        return system_error("cannot ask for the free space of '" + text::escape(path_) + "'",
                            errno);
    }
    return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace shoal::store
