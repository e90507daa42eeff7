#include "file_io.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace shoal::store
