// FileCache: small files of this host in memory, each with the stamp it was read under, for some
// seconds after it was asked for last: it keeps the file open, and its disk busy. Any
// thread. What it gives is still the content of the file it was read from (one fstat()). Whether
// the name still stands for that file, the caller asks the peer: by its root.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shoal/base/guarded.hpp"
#include "shoal/base/time.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::json {

inline constexpr std::uint64_t cached_file_max = 64 * 1024;
inline constexpr std::uint64_t cache_bytes_max = 16 * 1024 * 1024;

struct FileStamp {
    std::uint64_t device{}, inode{}, size{};
    std::int64_t mtime_ns{}, ctime_ns{};
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
    // All zero when the descriptor cannot be looked at.
    static FileStamp of(int fd);
};

struct CachedFile {
    std::string path;
    std::string root;
    peer::ReadStreamPtr stream;  // keeps its descriptor open
    FileStamp stamp;             // from before the content was read
    std::vector<std::uint8_t> content;
};
using CachedFilePtr = std::shared_ptr<const CachedFile>;

class FileCache {
  public:
    // nullptr when it is not here, or is not what it was.
    CachedFilePtr find(std::string_view path);
    void put(CachedFilePtr file);
    void close_idle(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void clear();

  private:
    struct State {
        struct Entry {
            CachedFilePtr file;
            TimePoint used;
        };
        std::list<Entry> files;  // the one that was used last at the end
        std::unordered_map<std::string_view, std::list<Entry>::iterator> by_path;
        std::uint64_t bytes{0};

        void erase(std::string_view path);
    };
    Guarded<State> state_;
};

}  // namespace shoal::gateway::json
