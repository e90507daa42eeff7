#include "gateway/json/file_cache.hpp"

#include <sys/stat.h>

namespace shoal::gateway::json {
namespace {

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// What a file costs beside its content: its descriptor and the books.
constexpr std::uint64_t overhead = 16 * 1024;
constexpr Duration idle_max = 5s;

}  // namespace

FileStamp FileStamp::of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        return {};
    }
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

CachedFilePtr FileCache::find(std::string_view path) {
    const CachedFilePtr file = state_.with([&](State& state) {
        const auto found = state.by_path.find(path);
        if (found == state.by_path.end()) {
            return CachedFilePtr();
        }
        state.files.splice(state.files.end(), state.files, found->second);
        found->second->used = steady_now();
        return found->second->file;
    });
    return file && FileStamp::of(file->stream->fd()) == file->stamp ? file : nullptr;
}

void FileCache::put(CachedFilePtr file) {
    state_.with([&](State& state) {
        state.erase(file->path);
        state.bytes += file->content.size() + overhead;
        state.files.push_back({std::move(file), steady_now()});
        const auto last = std::prev(state.files.end());
        state.by_path.emplace(last->file->path, last);
        while (state.bytes > cache_bytes_max) {
            state.erase(state.files.front().file->path);
        }
    });
}

void FileCache::close_idle(TimePoint now) {
    state_.with([&](State& state) {
        while (!state.files.empty() && now - state.files.front().used >= idle_max) {
            state.erase(state.files.front().file->path);
        }
    });
}

std::optional<TimePoint> FileCache::next_timeout() const {
    return state_.with([](const State& state) {
        return state.files.empty() ? std::nullopt
                                   : std::optional(state.files.front().used + idle_max);
    });
}

void FileCache::clear() {
    state_.with([](State& state) { state = State(); });
}

void FileCache::State::erase(std::string_view path) {
    const auto found = by_path.find(path);
    if (found == by_path.end()) {
        return;
    }
    const auto file = found->second;
    bytes -= file->file->content.size() + overhead;
    const CachedFilePtr keep = file->file;  // the key is a view into it
    by_path.erase(found);
    files.erase(file);
}

}  // namespace shoal::gateway::json
