#include "shoal/store/draft_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "file_io.hpp"
#include "file_names.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"

namespace shoal::store {
namespace {

constexpr int tries_max = 8;

std::string random_name() {
    std::array<std::uint8_t, file_names::draft_random_bytes> bytes{};
    random_bytes(bytes);
    return std::string(file_names::draft_prefix) + text::hex(bytes);
}

}  // namespace

int DraftFile::make(int folder) {
    remove();
    folder_ = folder;
    for (int attempt = 0; attempt < tries_max; ++attempt) {
        const std::string name = random_name();
        constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        Fd fd(::openat(folder, name.c_str(), flags, 0600));
        if (!fd && errno == EEXIST) {
            continue;
        }
        if (!fd) {
            return errno;
        }
        // Another process that starts just now may have taken it for a leftover.
        if (try_lock(fd.get()) != Lock::taken && leads_to(folder, name.c_str(), fd.get())) {
            name_ = name;
            fd_ = move_above_select(std::move(fd));
            return 0;
        }
        remove_own(folder, name.c_str(), fd.get());
    }
    return EAGAIN;
}

int DraftFile::become(int folder, const char* name) {
    const int why = give_name(fd_.get(), folder_, name_.c_str(), folder, name);
    if (why == 0) {
        name_.clear();
    }
    return why;
}

void DraftFile::remove() {
    if (!name_.empty()) {
        ::unlinkat(folder_, name_.c_str(), 0);
        name_.clear();
    }
}

int DraftFile::make_read_only() {
    const int why = reopen_read_only(fd_.get(), folder_, name_.c_str());
    if (why == 0) {
        (void)try_lock(fd_.get());
    }
    return why;
}

int DraftFile::close() { return close_checked(std::move(fd_)); }

DraftsInUse::DraftsInUse(const Root& root) : root_(root.fd()) {
    (void)::flock(root_, LOCK_SH | LOCK_NB);
}

DraftsInUse::~DraftsInUse() { (void)::flock(root_, LOCK_UN); }

void remove_leftover_draft(const Root& root, int folder, const char* name) {
    if (::flock(root.fd(), LOCK_EX | LOCK_NB) != 0) {
        return;
    }
    const Fd fd(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if (fd && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) &&
        try_lock(fd.get()) == Lock::held) {
        remove_own(folder, name, fd.get());
    }
    (void)::flock(root.fd(), LOCK_UN);
}

}  // namespace shoal::store
