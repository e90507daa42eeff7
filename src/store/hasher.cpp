#include "hasher.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "file_io.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/store.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t slice_size = 256 * limits::KiB;  // stays in the cache between read and hash
constexpr Duration retry_after = 500ms;
constexpr std::int64_t settled_after_ns = 1'000'000'000;

std::atomic<bool> leases_usable{true};

std::int64_t wall_clock_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

void use_leases(bool on) { leases_usable = on; }

// A read lease is granted only while nobody has the file open for writing. It is given back at
// once; should a writer come in that instant, the kernel's note to us is SIGURG, which is
// ignored by default, and not SIGIO, which would kill.
bool is_being_written(int fd, const Stamp& stamp) {
    if (leases_usable && ::fcntl(fd, F_SETSIG, SIGURG) == 0) {
        if (::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
            ::fcntl(fd, F_SETLEASE, F_UNLCK);
            return false;
        }
        if (errno == EAGAIN) {
            return true;
        }
    }
    // Another's file, or a file system without leases: wait until it has been quiet.
    const std::int64_t age = wall_clock_ns() - stamp.mtime_ns;
    return age >= 0 && age < settled_after_ns;
}

void Hasher::add_first(Where where, const SafePath& name) {
    const auto same = [&](const Target& target) {
        return target.where == where && target.name == name;
    };
    if ((urgent_job_ && same(urgent_job_->target)) ||
        std::any_of(urgent_.begin(), urgent_.end(), same)) {
        return;
    }
    if (background_job_ && same(background_job_->target)) {
        std::swap(urgent_job_, background_job_);
        return;
    }
    urgent_.push_back({where, name});
}

void Hasher::fail(const Target& target, const Error& error) {
    if (error.kind == ErrorKind::not_found) {
        catalog_->remove(target.where, target.name.text());
    } else if (error.kind == ErrorKind::busy) {
        wait(target);
    } else {
        log::warning(error.message + "; it is not offered");
        catalog_->put_unreadable(target.where, target.name);
    }
}

std::optional<Hasher::Job> Hasher::begin(const Target& target) {
    if (catalog_->find_in(target.where, target.name.text()).state != Holding::State::pending) {
        return std::nullopt;
    }
    Stamp stamp;
    Result<Fd> fd = root(target.where).open_file(target.name, &stamp);
    if (!fd) {
        fail(target, fd.error());
        return std::nullopt;
    }
    if (stamp.size > limits::file_size_max) {
        fail(target, {ErrorKind::bad_input,
                      "'" + text::escape(target.name.text()) + "' is larger than 1 TiB"});
        return std::nullopt;
    }
    if (is_being_written(fd->get(), stamp)) {
        wait(target);
        return std::nullopt;
    }
    return Job{target, std::move(*fd), stamp, integrity::TreeHasher(stamp.size)};
}

bool Hasher::pick(std::optional<Job>& job, std::deque<Target>& queue) {
    while (!job && !queue.empty()) {
        job = begin(queue.front());
        queue.pop_front();
        if (!job) {
            return !queue.empty();  // one look at the disk a turn, so that the clock is read
        }
    }
    return job.has_value();
}

bool Hasher::read_slice(Job& job) {
    buffer_.resize(slice_size);
    const std::uint64_t left = job.stamp.size - job.tree.received();
    const std::size_t wanted = std::min<std::uint64_t>(slice_size, left);
    const std::int64_t got =
        read_up_to(job.fd.get(), job.tree.received(), std::span(buffer_).first(wanted));
    if (got < 0) {
        fail(job.target,
             system_error("cannot read '" + text::escape(job.target.name.text()) + "'", errno));
        return true;
    }
    if (static_cast<std::size_t>(got) < wanted) {
        wait(job.target);  // it was cut
        return true;
    }
    job.tree.update(std::span(buffer_).first(wanted));
    if (wanted == left) {
        finish(job);
        return true;
    }
    return false;
}

// Counts only if the name still leads to the very file that was read, unchanged.
void Hasher::finish(Job& job) {
    const Target& target = job.target;
    if (catalog_->find_in(target.where, target.name.text()).state != Holding::State::pending) {
        return;
    }
    Stamp stamp;
    if (!root(target.where).open_file(target.name, &stamp) || stamp != job.stamp) {
        wait(target);
        return;
    }
    integrity::FileTree tree = job.tree.finish();
    if (tree.chunk_hashes.size() < 2) {
        tree.chunk_hashes = {};
    }
    catalog_->put(std::make_shared<const HeldFile>(
        HeldFile{target.name, target.where, tree.id, std::move(tree.chunk_hashes), stamp}));
    hashed_ = true;
}

bool Hasher::work(TimePoint now, TimePoint deadline) {
    if (retry_at_ && now >= *retry_at_) {
        background_.insert(background_.begin(), waiting_.begin(), waiting_.end());
        waiting_.clear();
        retry_at_.reset();
    }
    bool more = true;
    do {
        const bool urgent = pick(urgent_job_, urgent_);
        more = urgent || pick(background_job_, background_);
        std::optional<Job>& job = urgent_job_ ? urgent_job_ : background_job_;
        if (job && (urgent_job_ || !urgent) && read_slice(*job)) {
            job.reset();
        }
    } while (more && steady_now() < deadline);
    if (!waiting_.empty() && !retry_at_) {
        retry_at_ = now + retry_after;
    }
    return urgent_job_ || background_job_ || !urgent_.empty() || !background_.empty();
}

Result<integrity::FileTree> hash_file(int fd, std::uint64_t size) {
    if (size > limits::file_size_max) {
        return Error{ErrorKind::bad_input, "the file is larger than 1 TiB"};
    }
    integrity::TreeHasher tree(size);
    std::vector<std::uint8_t> buffer(slice_size);
    while (tree.received() < size) {
        const std::size_t wanted = std::min<std::uint64_t>(slice_size, size - tree.received());
        const std::int64_t got = read_up_to(fd, tree.received(), std::span(buffer).first(wanted));
        if (got < 0) {
            return system_error("cannot read the file", errno);
        }
        if (static_cast<std::size_t>(got) < wanted) {
            return Error{ErrorKind::changed, "the file got shorter while it was read"};
        }
        tree.update(std::span(buffer).first(wanted));
    }
    return tree.finish();
}

}  // namespace shoal::store
