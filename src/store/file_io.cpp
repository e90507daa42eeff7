#include "file_io.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "shoal/base/fd.hpp"
#include "shoal/base/log.hpp"

namespace shoal::store {

int write_all(int fd, std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done == 0 ? EIO : errno;
        }
        offset += static_cast<std::uint64_t>(done);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return 0;
}

std::int64_t read_up_to(int fd, std::uint64_t offset, std::span<std::uint8_t> out) {
    std::size_t filled = 0;
    while (filled < out.size()) {
        const ssize_t done = ::pread(fd, out.data() + filled, out.size() - filled,
                                     static_cast<off_t>(offset + filled));
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return -1;
        }
        if (done == 0) {
            break;
        }
        filled += static_cast<std::size_t>(done);
    }
    return static_cast<std::int64_t>(filled);
}

std::optional<std::vector<std::uint8_t>> read_file(int fd, std::uint64_t size_max) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        return std::nullopt;
    }
    if (static_cast<std::uint64_t>(status.st_size) > size_max) {
        errno = EFBIG;
        return std::nullopt;
    }
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(status.st_size));
    const std::int64_t got = read_up_to(fd, 0, bytes);
    if (got < 0) {
        return std::nullopt;
    }
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

int set_mtime(int fd, std::int64_t seconds) {
    if (seconds < 0 || seconds > mtime_max_s) {
        return EINVAL;
    }
    const timespec times[2] = {{0, UTIME_OMIT}, {static_cast<time_t>(seconds), 0}};
    return ::futimens(fd, times) == 0 ? 0 : errno;
}

int rename_new(int from_folder, const char* from, int to_folder, const char* to) {
    if (::renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    // The file system cannot (NFS): a hard link does not replace either.
    if (::linkat(from_folder, from, to_folder, to, 0) != 0) {
        return errno;
    }
    return ::unlinkat(from_folder, from, 0) == 0 ? 0 : errno;
}

namespace {

std::optional<FileMark> mark_at(int at, const char* name, int flags) {
    struct statx status {};
    if (::statx(at, name, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &status) != 0 ||
        !S_ISREG(status.stx_mode)) {
        return std::nullopt;
    }
    FileMark mark{status.stx_ino, 0};
    if ((status.stx_mask & STATX_BTIME) != 0) {
        mark.born = static_cast<std::uint64_t>(status.stx_btime.tv_sec) * 1'000'000'000 +
                    status.stx_btime.tv_nsec;
    }
    return mark;
}

}  // namespace

std::optional<FileMark> mark_of(int folder, const char* name) {
    return mark_at(folder, name, AT_SYMLINK_NOFOLLOW);
}

std::optional<FileMark> mark_of(int fd) { return mark_at(fd, "", AT_EMPTY_PATH); }

bool leads_to(int folder, const char* name, int fd) {
    struct stat mine {
    }, named{};
    return ::fstat(fd, &mine) == 0 && S_ISREG(mine.st_mode) &&
           ::fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

void remove_own(int folder, const char* name, int fd) {
    if (leads_to(folder, name, fd)) {
        ::unlinkat(folder, name, 0);
    }
}

namespace {

// By descriptor, with the right to do so or through /proc without it.
int link_descriptor(int fd, int folder, const char* name) {
    if (::linkat(fd, "", folder, name, AT_EMPTY_PATH) == 0) {
        return 0;
    }
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return ::linkat(AT_FDCWD, path.c_str(), folder, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

}  // namespace

int give_name(int fd, int from_folder, const char* from, int to_folder, const char* to) {
    if (!leads_to(from_folder, from, fd)) {
        return ESTALE;
    }
    int why = link_descriptor(fd, to_folder, to);
    if (why == 0) {
        remove_own(from_folder, from, fd);
        return 0;
    }
    if (why == EEXIST || why == ENOSPC || why == EDQUOT || why == EROFS || why == EIO) {
        return why;
    }
    // No hard links here, or no /proc: what came under the name is looked at afterwards.
    why = rename_new(from_folder, from, to_folder, to);
    if (why == 0 && !leads_to(to_folder, to, fd)) {
        (void)rename_new(to_folder, to, from_folder, from);
        return ESTALE;
    }
    return why;
}

int reopen_read_only(int fd, int folder, const char* name) {
    const int again =
        ::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again < 0) {
        return errno;
    }
    const Fd opened(again);
    if (!leads_to(folder, name, fd) || !leads_to(folder, name, again)) {
        return ESTALE;
    }
    return ::dup3(again, fd, O_CLOEXEC) == fd ? 0 : errno;
}

Lock try_lock(int fd) {
    static std::atomic<bool> told{false};
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) {
            continue;
        }
        if (errno == EWOULDBLOCK) {
            return Lock::taken;
        }
        if (!told.exchange(true)) {
            log::warning(system_error("files cannot be locked here", errno).message +
                         "; let only one process at a time use the same downloads and state "
                         "folders");
        }
        return Lock::unsupported;
    }
    return Lock::held;
}

}  // namespace shoal::store
