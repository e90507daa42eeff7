#include "shoal/store/root.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

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

bool is_below(std::string_view name, std::string_view folder) {
    return name.size() > folder.size() && name.starts_with(folder) && name[folder.size()] == '/';
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

Result<Root> Root::open(const std::string& path, const std::vector<std::string>& own) {
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
    Root root(path, move_above_select(std::move(fd)));
    root.hide(own);
    return root;
}

// By where each one is, and by where it stands when it is a link.
void Root::hide(const std::vector<std::string>& own) {
    const auto place_of = [](const std::filesystem::path& path) {
        std::error_code unknown;
        return std::filesystem::weakly_canonical(std::filesystem::absolute(path, unknown), unknown);
    };
    const std::string above = (place_of(path_) / "").string();
    for (const std::string& path : own) {
        if (path.empty()) {
            continue;
        }
        own_.push_back(path);
        const std::filesystem::path given(path);
        const std::filesystem::path folder = given.has_parent_path() ? given.parent_path() : ".";
        for (const auto& place : {place_of(given), place_of(folder) / given.filename()}) {
            if (place.string().starts_with(above)) {
                hidden_.push_back(place.string().substr(above.size()));
            }
        }
    }
}

bool Root::hides(std::string_view name) const {
    return std::any_of(hidden_.begin(), hidden_.end(), [&](const std::string& hidden) {
        return name == hidden || is_below(name, hidden);
    });
}

// Only one that has several names can be reached by another.
bool Root::hides(std::string_view name, const struct stat& there) const {
    return hides(name) || (there.st_nlink > 1 && is_own(there));
}

bool Root::has_own_below(std::string_view folder) const {
    return std::any_of(hidden_.begin(), hidden_.end(),
                       [&](const std::string& hidden) { return is_below(hidden, folder); });
}

// They are looked at anew each time: a users file is replaced when it is edited.
bool Root::is_own(const struct stat& there) const {
    return std::any_of(own_.begin(), own_.end(), [&](const std::string& path) {
        struct stat own {};
        return S_ISREG(there.st_mode) && ::stat(path.c_str(), &own) == 0 &&
               own.st_dev == there.st_dev && own.st_ino == there.st_ino;
    });
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
    if (hides(path.text()) || is_own(status)) {
        return Error{ErrorKind::forbidden, "'" + text::escape(path.text()) +
                                               "' is a file of this peer's own, not shared"};
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
        Fd next(::openat(at.get(), component.c_str(), folder_flags | O_NOFOLLOW));
        if (!next && errno == ENOTDIR) {
            return Error{ErrorKind::exists, "'" + text::escape(component) + "' on the way to '" +
                                                text::escape(path.text()) + "' in '" +
                                                text::escape(path_) +
                                                "' is no folder; move it away"};
        }
        at = std::move(next);
    }
    if (!at) {
        return open_error(path_, path.folder(), errno);
    }
    return at;
}

Status Root::check_in_place() const {
    struct stat mine {
    }, named{};
    if (::fstat(fd_.get(), &mine) == 0 && ::stat(path_.c_str(), &named) == 0 &&
        mine.st_dev == named.st_dev && mine.st_ino == named.st_ino) {
        return {};
    }
    return Error{ErrorKind::system, "the folder '" + text::escape(path_) +
                                        "' was removed, moved away or replaced; put it back, or "
                                        "start Shoal again"};
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
