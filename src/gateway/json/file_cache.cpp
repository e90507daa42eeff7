#include "gateway/json/file_cache.hpp"

#include <sys/stat.h>

namespace shoal::gateway::json {
namespace {

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// What a file costs beside its content: its descriptor and the books.
constexpr std::uint64_t overhead = 16 * 1024;

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
        return found == state.by_path.end() ? CachedFilePtr() : *found->second;
    });
    return file && FileStamp::of(file->stream->fd()) == file->stamp ? file : nullptr;
}

void FileCache::put(CachedFilePtr file) {
    state_.with([&](State& state) {
        state.erase(file->path);
        state.bytes += file->content.size() + overhead;
        state.files.push_back(std::move(file));
        const auto last = std::prev(state.files.end());
        state.by_path.emplace((*last)->path, last);
        while (state.bytes > cache_bytes_max) {
            state.erase(state.files.front()->path);
        }
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
    bytes -= (*file)->content.size() + overhead;
    by_path.erase(found);
    files.erase(file);
}

}  // namespace shoal::gateway::json
