#include "peer/reading.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {
constexpr std::uint32_t chunks_ahead_max = 64;  // told at a time
}

std::string last_part(std::string_view path) {
    return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
}

TreeEntry entry_of(const store::HeldFile& file, std::string_view name) {
    TreeEntry entry;
    entry.name = last_part(name);
    entry.size = file.id.size;
    entry.mtime = file.stamp.mtime_ns / 1'000'000'000;
    entry.root = file.id.root.hex();
    entry.holders = 1;
    entry.here = true;
    entry.shared = file.where == store::Where::shared;
    return entry;
}

Result<ReadStreamPtr> open_local(const store::Catalog& catalog,
                                 const std::shared_ptr<const store::HeldFile>& file,
                                 std::string_view name) {
    Result<Fd> fd = catalog.open_for_serving(*file);
    if (!fd) {
        return fd.error();
    }
    return ReadStreamPtr(std::make_unique<LocalStream>(catalog, entry_of(*file, name), file,
                                                       move_above_select(std::move(*fd))));
}

// A file that was deleted, replaced or renamed while it is read has the content it had; its
// status has changed, though.
Result<std::uint64_t> LocalStream::readable_to(std::uint64_t) {
    struct stat status {};
    const bool known = ::fstat(fd_.get(), &status) == 0;
    store::Stamp stamp = store::Stamp::of(status);
    if (known && status.st_nlink == 0) {
        stamp.ctime_ns = file_->stamp.ctime_ns;
    }
    if (known && stamp != file_->stamp) {
        const store::Holding now = catalog_.find(file_->id);
        file_ = now.file && now.file->stamp == stamp ? now.file : file_;
    }
    if (!known || stamp != file_->stamp) {
        return Error{ErrorKind::changed,
                     "'" + text::escape(file_->name.text()) + "' was changed while it was read"};
    }
    return entry_.size;
}

Result<std::uint64_t> Reading::readable_to(std::uint64_t from) {
    return state_.with([&](State& state) -> Result<std::uint64_t> {
        if (state.error) {
            return *state.error;
        }
        state.position = from;
        current_ = state.partial;
        std::uint64_t end = from;
        if (current_ && from < current_->id().size) {
            const integrity::Geometry& geometry = current_->geometry();
            const ChunkIndex first{static_cast<std::uint32_t>(from / geometry.chunk_size())};
            const std::uint32_t count = current_->held_run(first, chunks_ahead_max);
            end = std::max(
                from, std::min(current_->id().size, geometry.chunk_offset({first.value + count})));
        }
        state.waits = end == from && !(current_ && from >= current_->id().size);
        return end;
    });
}

void Reading::leave() { state_.lock()->left = true; }

void Reading::set_partial(std::shared_ptr<store::PartialFile> partial) {
    state_.lock()->partial = std::move(partial);
}

void Reading::look() {
    const bool tell = state_.with([](State& state) {
        const auto& partial = state.partial;
        if (!state.waits || !partial) {
            return false;
        }
        const auto chunk =
            static_cast<std::uint32_t>(state.position / partial->geometry().chunk_size());
        return partial->holds(ChunkIndex{chunk}) && std::exchange(state.waits, false);
    });
    if (tell) {
        news_();
    }
}

void Reading::fail(const Error& error) {
    const bool tell = state_.with([&](State& state) {
        state.error = error;
        return std::exchange(state.waits, false);
    });
    if (tell) {
        news_();
    }
}

bool Reading::has_left() const {
    return state_.with([](const State& state) { return state.left; });
}

std::uint64_t Reading::position() const {
    return state_.with([](const State& state) { return state.position; });
}

}  // namespace shoal::peer
