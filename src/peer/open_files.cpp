#include "peer/open_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shoal/base/disk_fault.hpp"

namespace shoal::peer {

namespace {
constexpr Duration idle_max = 5s;
}  // namespace

int OpenFile::read(std::uint64_t offset, std::span<std::uint8_t> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t got = ::pread(fd(), into.data() + done, into.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            const int why = got < 0 ? errno : ENODATA;
            std::fill(into.begin() + static_cast<std::ptrdiff_t>(done), into.end(),
                      std::uint8_t{0});
            return why;
        }
        done += static_cast<std::size_t>(got);
    }
    return 0;
}

void OpenFile::tell_of_fault(int error) const {
    warn_of_disk(partial_ ? partial_->part_path() : file_->name.text(), error);
}

bool OpenFile::unchanged() const {
    if (partial_) {
        return true;
    }
    struct stat status {};
    return ::fstat(fd(), &status) == 0 && store::Stamp::of(status) == file_->stamp;
}

void OpenFiles::forget(const integrity::FileId& id) {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) {
        recent_.erase(found->second.place);
        by_id_.erase(found);
    }
}

Result<std::shared_ptr<OpenFile>> OpenFiles::get(const integrity::FileId& id, TimePoint now) {
    const store::Holding holding = catalog_.find(id);
    if (holding.state == store::Holding::State::partial) {
        forget(id);
        Result<Fd> fd =
            holding.partial->fd() >= 0 ? Result<Fd>(Fd()) : catalog_.open_part(*holding.partial);
        if (!fd) {
            return fd.error();
        }
        return std::make_shared<OpenFile>(holding.partial, move_above_select(std::move(*fd)));
    }
    if (holding.state != store::Holding::State::complete) {
        forget(id);
        return Error{ErrorKind::not_found, "this host does not have that content"};
    }
    const auto known = by_id_.find(id);
    if (known != by_id_.end()) {
        if (!known->second.file->partial() && known->second.file->unchanged()) {
            recent_.splice(recent_.begin(), recent_, known->second.place);
            known->second.used = now;
            return known->second.file;
        }
        forget(id);
    }
    Result<Fd> opened = catalog_.open_for_serving(*holding.file);
    if (!opened) {
        return opened.error();
    }
    auto file = std::make_shared<OpenFile>(holding.file, move_above_select(std::move(*opened)));
    if (recent_.size() >= open_max) {
        forget(integrity::FileId(recent_.back()));
    }
    recent_.push_front(id);
    by_id_.emplace(id, Entry{file, recent_.begin(), now});
    return file;
}

void OpenFiles::close_idle(TimePoint now) {
    while (!recent_.empty() && now - by_id_.at(recent_.back()).used >= idle_max) {
        forget(integrity::FileId(recent_.back()));
    }
}

std::optional<TimePoint> OpenFiles::next_timeout() const {
    return recent_.empty() ? std::nullopt
                           : std::optional(by_id_.at(recent_.back()).used + idle_max);
}

}  // namespace shoal::peer
