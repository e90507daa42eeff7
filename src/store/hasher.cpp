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
constexpr std::int64_t coarsest_tick_ns = 2'000'000'000;
constexpr Duration unripe_max = 2s + 50ms;
constexpr Duration tick = 4ms;

std::atomic<bool> leases_usable{true};

std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t stamp_clock_ns() { return clock_ns(CLOCK_REALTIME_COARSE); }

// No part of a second: the file system knows none, and FAT counts in steps of two seconds.
bool is_ripe(const Stamp& stamp, std::int64_t now_ns) {
    const bool in_seconds = stamp.ctime_ns % 1'000'000'000 == 0;
    return in_seconds ? stamp.ctime_ns <= now_ns - coarsest_tick_ns : stamp.ctime_ns < now_ns;
}

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
    const std::int64_t age = clock_ns(CLOCK_REALTIME) - stamp.mtime_ns;
    return age >= 0 && age < settled_after_ns;
}

std::pair<Hasher::TargetPtr, bool> Hasher::know(Where where, const SafePath& name) {
    const auto [at, is_new] = known_.insert(std::make_shared<Target>(Target{where, name}));
    return {*at, is_new};
}

void Hasher::add(Where where, const SafePath& name) {
    const auto [target, is_new] = know(where, name);
    if (std::exchange(target->waiting, false)) {
        std::erase(waiting_, target);
        lane_of(*target).fresh.push_back(target);
    } else if (is_new) {
        rest_.fresh.push_back(target);
    }
}

void Hasher::add_first(Where where, const SafePath& name) {
    const auto [target, is_new] = know(where, name);
    if (std::exchange(target->asked, true) || target->waiting) {
        return;
    }
    const auto job =
        std::find_if(rest_.jobs.begin(), rest_.jobs.end(),
                     [&wanted = target](const Job& one) { return one.target == wanted; });
    if (job != rest_.jobs.end()) {
        asked_.jobs.splice(asked_.jobs.end(), rest_.jobs, job);
    } else {
        asked_.fresh.push_back(target);
    }
}

void Hasher::end(const TargetPtr& target) {
    target->over = true;
    known_.erase(target);
}

void Hasher::wait(const TargetPtr& target) {
    target->waiting = true;
    waiting_.push_back(target);
    catalog_->set_being_written(target->where, target->name.text(), true);
}

void Hasher::fail(const TargetPtr& target, const Error& error, const Stamp& stamp) {
    if (error.kind == ErrorKind::busy) {
        return wait(target);
    }
    end(target);
    if (error.kind == ErrorKind::not_found) {
        catalog_->remove(target->where, target->name.text());
    } else {
        log::warning(error.message + "; it is not offered");
        catalog_->put_unreadable(target->where, target->name, stamp);
    }
}

std::optional<Hasher::Job> Hasher::begin(const Lane& lane, const TargetPtr& target) {
    if (target->over || target->waiting || target->ripening || &lane_of(*target) != &lane) {
        return std::nullopt;
    }
    const Holding holding = catalog_->find_in(target->where, target->name.text());
    if (holding.state != Holding::State::pending) {
        end(target);
        return std::nullopt;
    }
    Stamp stamp;
    Result<Fd> fd = root(target->where).open_file(target->name, &stamp);
    if (!fd) {
        const PendingFile& seen = holding.pending;
        fail(target, fd.error(), {0, 0, seen.size, seen.mtime_s * 1'000'000'000, 0});
        return std::nullopt;
    }
    if (is_being_written(fd->get(), stamp)) {
        wait(target);
        return std::nullopt;
    }
    if (holding.pending.being_written) {
        catalog_->set_being_written(target->where, target->name.text(), false);
    }
    if (!has_ripened(*target, stamp)) {
        target->ripening = true;
        ripening_.push_back(target);
        return std::nullopt;
    }
    return Job{target, std::move(*fd), stamp, integrity::TreeHasher(stamp.size)};
}

bool Hasher::has_ripened(Target& target, const Stamp& stamp) {
    if (target.stamp != stamp) {
        target.stamp = stamp;
        target.since = steady_now();
    }
    return is_ripe(stamp, stamp_clock_ns()) || steady_now() - target.since >= unripe_max;
}

void Hasher::look_at_ripening() {
    const std::int64_t clock = stamp_clock_ns();
    const TimePoint now = steady_now();
    std::erase_if(ripening_, [&](const TargetPtr& target) {
        if (!is_ripe(target->stamp, clock) && now - target->since < unripe_max) {
            return false;
        }
        target->ripening = false;
        lane_of(*target).fresh.push_front(target);
        return true;
    });
}

bool Hasher::read_slice(Job& job) {
    buffer_.resize(slice_size);
    const std::uint64_t left = job.stamp.size - job.tree.received();
    const std::size_t wanted = std::min<std::uint64_t>(slice_size, left);
    const std::int64_t got =
        read_up_to(job.fd.get(), job.tree.received(), std::span(buffer_).first(wanted));
    if (got < 0) {
        fail(job.target,
             system_error("cannot read '" + text::escape(job.target->name.text()) + "'", errno),
             job.stamp);
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
    const Target& target = *job.target;
    if (catalog_->find_in(target.where, target.name.text()).state != Holding::State::pending) {
        return end(job.target);
    }
    Stamp stamp;
    if (!root(target.where).open_file(target.name, &stamp) || stamp != job.stamp) {
        return wait(job.target);
    }
    integrity::FileTree tree = job.tree.finish();
    if (tree.chunk_hashes.size() < 2) {
        tree.chunk_hashes = {};
    }
    catalog_->put(std::make_shared<const HeldFile>(
        HeldFile{target.name, target.where, tree.id, std::move(tree.chunk_hashes), stamp}));
    hashed_ = true;
    end(job.target);
}

// At most two looks at the disk and two slices, so that the clock is read. False: nothing to do.
bool Hasher::turn(Lane& lane) {
    const bool any = !lane.fresh.empty() || !lane.large.empty() || !lane.jobs.empty();
    if (!lane.fresh.empty()) {
        const TargetPtr target = std::move(lane.fresh.front());
        lane.fresh.pop_front();
        if (std::optional<Job> job = begin(lane, target)) {
            if (job->stamp.size <= slice_size) {
                read_slice(*job);
            } else if (lane.jobs.size() < lane.jobs_max) {
                lane.jobs.push_back(std::move(*job));
            } else {
                lane.large.push_back(target);
            }
        }
    }
    if (!lane.large.empty() && lane.jobs.size() < lane.jobs_max) {
        const TargetPtr target = std::move(lane.large.front());
        lane.large.pop_front();
        if (std::optional<Job> job = begin(lane, target)) {
            lane.jobs.push_back(std::move(*job));
        }
    }
    if (!lane.jobs.empty()) {
        if (read_slice(lane.jobs.front())) {
            lane.jobs.pop_front();
        } else {
            lane.jobs.splice(lane.jobs.end(), lane.jobs, lane.jobs.begin());
        }
    }
    return any;
}

void Hasher::look_again() {
    for (const TargetPtr& target : std::exchange(waiting_, {})) {
        target->waiting = false;
        lane_of(*target).fresh.push_back(target);
    }
    retry_at_.reset();
}

void Hasher::tell_progress() const {
    for (const Lane* lane : {&asked_, &rest_}) {
        for (const Job& job : lane->jobs) {
            catalog_->set_hashed(job.target->where, job.target->name.text(), job.tree.received());
        }
    }
}

std::optional<TimePoint> Hasher::next_timeout() const {
    if (ripening_.empty()) {
        return retry_at_;
    }
    const TimePoint ripe = now_ + tick;
    return retry_at_ ? std::min(*retry_at_, ripe) : ripe;
}

bool Hasher::work(TimePoint now, TimePoint deadline) {
    now_ = now;
    look_at_ripening();
    if (retry_at_ && now >= *retry_at_) {
        look_again();
    }
    bool more = true;
    do {
        more = turn(asked_) || turn(rest_);
    } while (more && steady_now() < deadline);
    tell_progress();
    if (waiting_.empty()) {
        retry_at_.reset();
    } else if (!retry_at_) {
        retry_at_ = now + retry_after;
    }
    return more;
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
