#include "peer/cache_claims.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr off_t size_max = 64 * 1024 * 1024;
constexpr off_t looked_through_from = 16 * 1024 * 1024;  // for what stands there already
constexpr int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

}  // namespace

Status CacheClaims::prepare() const {
    const Fd fd(::open(path_.c_str(), flags | O_CREAT, 0600));
    return fd ? Status() : system_error("cannot write '" + path_ + "'", errno);
}

Result<CacheClaims::Lock> CacheClaims::lock() const {
    Lock lock;
    lock.path_ = path_;
    lock.fd_ = Fd(::open(path_.c_str(), flags));
    if (!lock.fd_ && errno == ENOENT) {
        return lock;
    }
    struct stat status {};
    if (!lock.fd_ || ::fstat(lock.fd_.get(), &status) != 0) {
        return system_error("cannot open '" + path_ + "'", errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorKind::bad_input, "'" + path_ + "' is not a regular file"};
    }
    while (::flock(lock.fd_.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return system_error("cannot lock '" + path_ + "'", errno);
        }
    }
    return lock;
}

// A name may hold anything, so it is hex. One write(): a crash leaves at most half a line, which
// the one behind it begins anew.
Status CacheClaims::Lock::claim(std::string_view name) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(name.data());
    const std::string line = '\n' + text::hex(std::span(bytes, name.size())) + '\n';
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) {
        return system_error("cannot look at '" + path_ + "'", errno);
    }
    if (status.st_size > looked_through_from) {
        const Result<std::vector<std::string>> names = claimed();
        if (!names || std::find(names->begin(), names->end(), name) != names->end()) {
            return names ? Status() : Status(names.error());
        }
    }
    if (status.st_size + static_cast<off_t>(line.size()) > size_max) {
        return Error{ErrorKind::no_space, "'" + path_ + "' is too long"};
    }
    if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        return system_error("cannot write '" + path_ + "'", errno);
    }
    return {};
}

Result<std::vector<std::string>> CacheClaims::Lock::claimed() const {
    std::vector<std::string> names;
    struct stat status {};
    if (!fd_) {
        return names;
    }
    if (::fstat(fd_.get(), &status) != 0) {
        return system_error("cannot read '" + path_ + "'", errno);
    }
    std::string lines(static_cast<std::size_t>(std::min(status.st_size, size_max)), '\0');
    for (std::size_t done = 0; done < lines.size();) {
        const ssize_t got =
            ::pread(fd_.get(), lines.data() + done, lines.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno != EINTR) {
            return system_error("cannot read '" + path_ + "'", errno);
        }
        if (got == 0) {
            lines.resize(done);
        }
        done += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    for (std::size_t begin = 0; begin < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', begin), lines.size());
        const auto name = text::unhex(std::string_view(lines).substr(begin, end - begin));
        if (name && !name->empty()) {
            names.emplace_back(name->begin(), name->end());
        }
        begin = end + 1;
    }
    return names;
}

void CacheClaims::Lock::forget() {
    if (fd_) {
        (void)!::ftruncate(fd_.get(), 0);  // then they are taken in once more
    }
}

}  // namespace shoal::peer
