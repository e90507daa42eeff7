// OpenFiles: the files a server has open, so that a run of requests opens each once. Owned by
// the reader's thread; descriptors lie above select()'s range.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include "shoal/base/fd.hpp"
#include "shoal/base/time.hpp"
#include "shoal/store/catalog.hpp"

namespace shoal::peer {

// A finished file with the stamp it was hashed under, or a download under way, of which only
// verified chunks are read.
class OpenFile {
  public:
    OpenFile(std::shared_ptr<const store::HeldFile> file, Fd fd)
        : file_(std::move(file)), own_fd_(std::move(fd)) {}
    // `fd`: of a part that has none of its own.
    OpenFile(std::shared_ptr<store::PartialFile> partial, Fd fd)
        : partial_(std::move(partial)), own_fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const { return own_fd_ || !partial_ ? own_fd_.get() : partial_->fd(); }
    [[nodiscard]] bool holds(LeafRun run) const { return !partial_ || partial_->holds(run); }
    [[nodiscard]] bool partial() const { return partial_ != nullptr; }
    // All of `into`, from `offset`: 0; or the errno, ENODATA when the file is shorter. What is
    // missing is zero.
    int read(std::uint64_t offset, std::span<std::uint8_t> into) const;
    // The disk has failed: said where the disk is, now and then.
    void tell_of_fault(int error) const;
    // Still what was hashed? Always true of a download: its chunks never change once verified.
    [[nodiscard]] bool unchanged() const;

  private:
    std::shared_ptr<const store::HeldFile> file_;
    std::shared_ptr<store::PartialFile> partial_;
    Fd own_fd_;
};

class OpenFiles {
  public:
    explicit OpenFiles(const store::Catalog& catalog) : catalog_(catalog) {}

    // ErrorKind::not_found: this host has no such content (any more); changed: it has another
    // now; others: it may not be read.
    Result<std::shared_ptr<OpenFile>> get(const integrity::FileId& id, TimePoint now);
    // Lets go of what nobody has asked for during some seconds, so that its space is free once it
    // is deleted, and its disk can be unmounted.
    void close_idle(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    // Closes everything that is not being sent.
    void clear() {
        by_id_.clear();
        recent_.clear();
    }

  private:
    static constexpr std::size_t open_max = 64;
    struct Entry {
        std::shared_ptr<OpenFile> file;
        std::list<integrity::FileId>::iterator place;
        TimePoint used{};
    };
    void forget(const integrity::FileId& id);

    const store::Catalog& catalog_;
    std::unordered_map<integrity::FileId, Entry> by_id_;
    std::list<integrity::FileId> recent_;  // most recent first
};

}  // namespace shoal::peer
