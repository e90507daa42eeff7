// The index on disk: what was hashed, so that a restart hashes nothing twice.
//
// Entries are found by stamp (device, inode, size, times), not by name: a folder that was
// moved, or a second link, is known too. The layout, all numbers little-endian:
//
//   magic "SHOALI2\n" 8, entries 4
//   per entry: device 8, inode 8, size 8, mtime 8, ctime 8, root 32, and the chunk hashes
//              (32 each, as many as the size gives; none for a file of one chunk)
//   mounts 4; per mount: 0 for shared/ or 1 for downloads/ 1, length 2, the folder's prefix
//   ("a/b/") SHA-256 of all above, 32
//
// "SHOALI1\n" has no mounts, and is read, too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "shoal/store/catalog.hpp"
#include "watcher.hpp"

namespace shoal::store {

struct StampHash {
    std::size_t operator()(const Stamp& stamp) const noexcept {
        return static_cast<std::size_t>((stamp.inode * 0x9e3779b97f4a7c15ULL) ^ stamp.device ^
                                        static_cast<std::uint64_t>(stamp.mtime_ns));
    }
};

struct HashedContent {
    integrity::Digest root;
    std::vector<integrity::Digest> chunk_hashes;  // empty for a file of one chunk
    bool unsettled{false};                        // it may be younger than its stamp tells
};
using Contents = std::unordered_map<Stamp, HashedContent, StampHash>;
using HeldFiles = std::vector<std::shared_ptr<const HeldFile>>;

struct Index {
    Contents contents;
    // Where file systems with offered files were mounted, also those that had gone since. When one
    // is not there at the next start, its files are not known, rather than deleted.
    std::vector<Place> mounts;
};

// Pure. nullopt unless all of it is as it was written.
std::optional<Index> decode_index(std::span<const std::uint8_t> bytes);
std::vector<std::uint8_t> encode_index(const HeldFiles& files,
                                       const std::vector<Place>& mounts = {});

// The state folder with the index. Main only.
class IndexFile {
  public:
    // Makes the folder (0700) when it is missing, and takes the lock if it is free.
    static Result<IndexFile> open(const std::string& state_folder);

    // False: another process has it; it may be read, and save() does nothing.
    [[nodiscard]] bool writable() const { return static_cast<bool>(lock_); }
    // Empty, with a warning, when it is damaged.
    [[nodiscard]] Index load() const;
    // Whole or not at all: temporary file, fsync, rename, fsync of the folder.
    Status save(const HeldFiles& files, const std::vector<Place>& mounts) const;

  private:
    IndexFile(std::string path, Fd folder, Fd lock)
        : path_(std::move(path)), folder_(std::move(folder)), lock_(std::move(lock)) {}
    std::string path_;
    Fd folder_;
    Fd lock_;
};

}  // namespace shoal::store
