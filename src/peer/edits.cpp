#include "peer/edits.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "peer/reading.hpp"
#include "peer/upload.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::peer {

namespace {

constexpr Duration slice = 10ms;
constexpr std::size_t copy_step = 4 * limits::MiB;
constexpr std::size_t step_size = 256 * limits::KiB;  // stays in the cache between read and hash

std::string quoted(const store::SafePath& name) { return "'" + text::escape(name.text()) + "'"; }

// Up to the whole of `into`; fewer bytes only at the end of the file.
Result<std::size_t> read_some(int fd, std::uint64_t offset, std::span<std::uint8_t> into,
                              const store::SafePath& name) {
    while (true) {
        const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            return system_error("cannot read " + quoted(name), errno);
        }
    }
}

// The new content begins with some of the present one.
class Copy final : public Edits::Job {
  public:
    Copy(Wiring& wiring, BeginUpload order, store::Draft draft, Fd source, store::Stamp stamp)
        : wiring_(wiring),
          order_(std::move(order)),
          draft_(std::move(draft)),
          source_(std::move(source)),
          stamp_(stamp) {}

    bool step(std::vector<std::uint8_t>&) override {
        if (!std::exchange(begun_, true) && share()) {
            done_ = order_.keep;
        }
        if (done_ < order_.keep) {
            const Status copied = copy_some();
            return !copied && end(copied.error());
        }
        if (::ftruncate(draft_.fd(), static_cast<off_t>(order_.keep)) != 0) {
            return end(system_error("cannot copy " + quoted(order_.name), errno));
        }
        struct stat status {};
        if (::fstat(source_.get(), &status) != 0 || store::Stamp::of(status) != stamp_) {
            return end(Error{ErrorKind::changed, quoted(order_.name) + " was changed"});
        }
        return end(
            UploadPtr(std::make_unique<PeerUpload>(wiring_, std::move(draft_), order_.keep)));
    }

  private:
    // Both files have the same blocks until one is written to: where the file system can, nothing
    // is copied.
    bool share() { return ::ioctl(draft_.fd(), FICLONE, source_.get()) == 0; }

    // Up to a step's bytes; a hole is stepped over.
    Status copy_some() {
        const off_t data = ::lseek(source_.get(), static_cast<off_t>(done_), SEEK_DATA);
        if (data < 0 && errno == ENXIO) {  // none behind
            struct stat status {};
            const bool long_enough = ::fstat(source_.get(), &status) == 0 &&
                                     static_cast<std::uint64_t>(status.st_size) >= order_.keep;
            done_ = order_.keep;
            return long_enough ? Status{} : got_shorter();
        }
        done_ = std::min(order_.keep, data < 0 ? done_ : static_cast<std::uint64_t>(data));
        const off_t hole = ::lseek(source_.get(), static_cast<off_t>(done_), SEEK_HOLE);
        const std::uint64_t end = hole < 0 ? order_.keep : static_cast<std::uint64_t>(hole);
        const std::size_t wanted =
            std::min<std::uint64_t>(std::min(order_.keep, end) - done_, copy_step);
        const ssize_t moved = wanted == 0 ? 0 : copy(wanted);
        if (moved < 0) {
            return system_error("cannot copy " + quoted(order_.name), errno);
        }
        done_ += static_cast<std::uint64_t>(moved);
        return moved == 0 && wanted > 0 ? got_shorter() : Status{};
    }

    // -1 and errno when neither way goes.
    ssize_t copy(std::size_t wanted) {
        auto from = static_cast<off_t>(done_);
        auto to = from;
        ssize_t moved = -1;
        do {
            moved = ::copy_file_range(source_.get(), &from, draft_.fd(), &to, wanted, 0);
        } while (moved < 0 && errno == EINTR);
        if (moved >= 0 || errno == ENOSPC || errno == EDQUOT || errno == EIO ||
            ::lseek(draft_.fd(), to, SEEK_SET) < 0) {
            return moved;
        }
        do {
            moved = ::sendfile(draft_.fd(), source_.get(), &from, wanted);
        } while (moved < 0 && errno == EINTR);
        return moved;
    }

    [[nodiscard]] Error got_shorter() const {
        return {ErrorKind::changed, quoted(order_.name) + " got shorter"};
    }

    bool end(Result<UploadPtr> result) {
        order_.callback(std::move(result));
        return true;
    }

    Wiring& wiring_;
    BeginUpload order_;
    store::Draft draft_;
    Fd source_;
    store::Stamp stamp_;
    std::uint64_t done_{0};
    bool begun_{false};
};

// Hashed first, so that it can be offered at the moment it has its name.
class Commit final : public Edits::Job {
  public:
    Commit(store::Editor& editor, CommitUpload order, std::uint64_t size)
        : editor_(editor), order_(std::move(order)), size_(size), tree_(size) {}

    bool step(std::vector<std::uint8_t>& buffer) override {
        const std::uint64_t left = size_ - tree_.received();
        const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), left));
        const auto got = read_some(order_.draft.fd(), tree_.received(), part, order_.name);
        if (!got || (*got == 0 && left > 0)) {
            order_.callback(got ? Error{ErrorKind::system, quoted(order_.name) + " got shorter"}
                                : got.error());
            return true;
        }
        tree_.update(part.first(*got));
        if (tree_.received() < size_) {
            return false;
        }
        integrity::FileTree tree = tree_.finish();
        const Published published{order_.name.text(), size_, tree.id.root.hex()};
        const Status done = editor_.publish(std::move(order_.draft), order_.name, std::move(tree),
                                            order_.mtime, order_.must_not_exist);
        order_.callback(done ? Result<Published>(published) : done.error());
        return true;
    }

  private:
    store::Editor& editor_;
    CommitUpload order_;
    std::uint64_t size_;
    integrity::TreeHasher tree_;
};

class PlainHash final : public Edits::Job {
  public:
    PlainHash(HashPlain order, Fd fd) : order_(std::move(order)), fd_(std::move(fd)) {}

    bool step(std::vector<std::uint8_t>& buffer) override {
        if (order_.ticket.expired()) {
            return true;
        }
        const std::uint64_t left = order_.end - order_.begin;
        const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), left));
        const auto got = read_some(fd_.get(), order_.begin, part, order_.file->name);
        if (!got) {
            return end(got.error());
        }
        hash_.update(part.first(*got));
        order_.begin += *got;
        if (*got > 0 && order_.begin < order_.end) {
            return false;
        }
        struct stat status {};
        if (order_.begin < order_.end || ::fstat(fd_.get(), &status) != 0 ||
            store::Stamp::of(status) != order_.file->stamp) {
            return end(Error{ErrorKind::changed, quoted(order_.file->name) + " was changed"});
        }
        return end(hash_.finish().hex());
    }

  private:
    bool end(Result<std::string> result) {
        order_.callback(std::move(result));
        return true;
    }

    HashPlain order_;
    Fd fd_;
    integrity::Sha256 hash_;
};

// Whether a file whose status was changed has the content it had.
class Proof final : public Edits::Job {
  public:
    Proof(ProveFile order, const store::Stamp& stamp)
        : order_(std::move(order)), stamp_(stamp), tree_(order_.file->id.size) {}

    bool step(std::vector<std::uint8_t>& buffer) override {
        if (order_.ticket.expired()) {
            return true;
        }
        const std::uint64_t left = order_.file->id.size - tree_.received();
        const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), left));
        const auto got = read_some(order_.fd.get(), tree_.received(), part, order_.file->name);
        if (!got || (*got == 0 && left > 0)) {
            return end(got ? changed() : got.error());
        }
        tree_.update(part.first(*got));
        if (*got < left) {
            return false;
        }
        // What was changed meanwhile has another stamp, which is for the next proof to settle.
        return end(tree_.finish().id == order_.file->id ? Result<store::Stamp>(stamp_) : changed());
    }

  private:
    [[nodiscard]] Error changed() const {
        return {ErrorKind::changed, quoted(order_.file->name) + " was changed while it was read"};
    }
    bool end(Result<store::Stamp> result) {
        order_.callback(std::move(result));
        return true;
    }

    ProveFile order_;
    store::Stamp stamp_;
    integrity::TreeHasher tree_;
};

}  // namespace

void Edits::take(EditMail mail) {
    store::Editor& editor = store_.editor(store::Where::shared);
    std::visit(
        Overloaded{
            [&](BeginUpload& order) { begin(std::move(order)); },
            [&](CommitUpload& order) { commit(std::move(order)); },
            [&](AbandonUpload&) {},
            [&](LookHere& order) { look(order); },
            [&](RemoveFile& order) { order.callback(editor.remove(order.name)); },
            [&](MakeFolder& order) { order.callback(editor.make_folder(order.name)); },
            [&](RemoveFolder& order) { order.callback(editor.remove_folder(order.name)); },
            [&](RenameFile& order) {
                order.callback(editor.rename(order.from, order.to, order.replace));
            },
            [&](SetMtime& order) { order.callback(editor.set_mtime(order.name, order.seconds)); },
            [&](HashPlain& order) { hash(std::move(order)); },
            [&](ProveFile& order) { prove(std::move(order)); },
        },
        mail);
}

bool Edits::work() {
    const TimePoint deadline = steady_now() + slice;
    buffer_.resize(jobs_.empty() ? 0 : step_size);
    while (!jobs_.empty()) {
        std::unique_ptr<Job> job = std::move(jobs_.front());
        jobs_.pop_front();
        if (!job->step(buffer_)) {
            jobs_.push_back(std::move(job));
        }
        if (steady_now() >= deadline) {
            break;
        }
    }
    return !jobs_.empty();
}

void Edits::look(const LookHere& order) {
    store::Stamp stamp;
    const Result<bool> folder = store_.editor(store::Where::shared).look(order.name, &stamp);
    if (!folder) {
        return order.callback(folder.error());
    }
    const auto known = wiring_.catalog->find_in(store::Where::shared, order.name.text()).file;
    if (known && known->stamp == stamp) {
        return order.callback(entry_of(*known, order.name.text()));
    }
    TreeEntry entry;
    entry.name = last_part(order.name.text());
    entry.folder = *folder;
    entry.here = entry.shared = true;
    entry.mtime = stamp.mtime_s();
    if (!entry.folder) {
        entry.size = stamp.size;
    }
    order.callback(std::move(entry));
}

void Edits::begin(BeginUpload order) {
    Result<store::Draft> draft = store_.editor(store::Where::shared).draft(order.name);
    if (!draft) {
        return order.callback(draft.error());
    }
    store::Stamp stamp;
    Fd source;
    if (order.keep > 0) {
        Result<Fd> opened = store_.editor(store::Where::shared).open(order.name, &stamp);
        if (!opened && opened.error().kind != ErrorKind::not_found) {
            return order.callback(opened.error());
        }
        source = opened ? std::move(*opened) : Fd();
        if (order.keep == UINT64_MAX) {
            order.keep = stamp.size;
        }
    }
    if (order.keep > stamp.size) {
        return order.callback(Error{ErrorKind::bad_input, quoted(order.name) + " has only " +
                                                              std::to_string(stamp.size) +
                                                              " bytes to begin with"});
    }
    if (order.keep == 0) {
        const auto callback = std::move(order.callback);
        return callback(UploadPtr(std::make_unique<PeerUpload>(wiring_, std::move(*draft), 0)));
    }
    jobs_.push_back(std::make_unique<Copy>(wiring_, std::move(order), std::move(*draft),
                                           std::move(source), stamp));
}

void Edits::commit(CommitUpload order) {
    struct stat status {};
    if (::fstat(order.draft.fd(), &status) != 0) {
        return order.callback(system_error("cannot look at " + quoted(order.name), errno));
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > limits::file_size_max) {
        return order.callback(
            Error{ErrorKind::bad_input, quoted(order.name) + " is larger than 1 TiB"});
    }
    jobs_.push_back(
        std::make_unique<Commit>(store_.editor(store::Where::shared), std::move(order), size));
}

void Edits::prove(ProveFile order) {
    struct stat status {};
    if (::fstat(order.fd.get(), &status) != 0) {
        return order.callback(system_error("cannot look at " + quoted(order.file->name), errno));
    }
    jobs_.push_back(std::make_unique<Proof>(std::move(order), store::Stamp::of(status)));
}

void Edits::hash(HashPlain order) {
    Result<Fd> fd = wiring_.catalog->open_for_serving(*order.file);
    if (!fd) {
        return order.callback(fd.error());
    }
    jobs_.push_back(std::make_unique<PlainHash>(std::move(order), std::move(*fd)));
}

}  // namespace shoal::peer
