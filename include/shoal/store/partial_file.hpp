// PartialFile: a download under way: NAME.part and its journal.
//
// The requester writes and marks chunks, the reader serves marked ones, main syncs, and whoever
// of requester and main has time hashes. Data is
// on disk before the journal says so, so a journal never promises what a crash took.
//
// The journal: a header (magic, FileId, final name, checksum), the chunk hashes, then records
// of fixed size, appended; a torn last record is ignored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/store/root.hpp"

namespace shoal::store {

// What a resume found.
struct Resumed {
    std::uint64_t kept_bytes{0};       // journaled, taken as they are
    std::uint64_t rechecked_bytes{0};  // found beyond the journal and hashed again
    std::uint64_t lost_bytes{0};       // of those, the ones that were not right
};

class PartialFile {
  public:
    [[nodiscard]] const integrity::FileId& id() const { return id_; }
    [[nodiscard]] const integrity::Geometry& geometry() const { return geometry_; }
    [[nodiscard]] const SafePath& name() const { return name_; }               // the final one
    [[nodiscard]] const std::string& part_path() const { return part_path_; }  // below the root
    // Empty for a file of one chunk.
    [[nodiscard]] const std::vector<integrity::Digest>& chunk_hashes() const { return hashes_; }
    // Any thread, for pread and sendfile. -1 when it is only offered: Catalog::open_part().
    [[nodiscard]] int fd() const { return data_.get(); }
    [[nodiscard]] const Resumed& resumed() const { return resumed_; }

    // Requester. ErrorKind::no_space when the disk is full; nothing is lost then.
    Status write(std::uint64_t offset, std::span<const std::uint8_t> bytes);
    // Requester: the chunk's bytes are written and verified; it is served from now on.
    void mark_verified(ChunkIndex chunk);

    // Any thread.
    [[nodiscard]] bool holds(ChunkIndex chunk) const;
    [[nodiscard]] bool holds(LeafRun run) const;
    [[nodiscard]] Bitmap held() const;
    // How many chunks from `first` on are held without a gap, counted up to `most`.
    [[nodiscard]] std::uint32_t held_run(ChunkIndex first, std::uint32_t most) const;
    [[nodiscard]] std::uint32_t held_count() const;
    // Any thread: digests of leaves as they can be read now, from the page cache when they have
    // just been written. `scratch` grows to a slice and is the caller's to keep.
    [[nodiscard]] Result<std::vector<integrity::Digest>> hash_leaves(
        LeafRun run, std::vector<std::uint8_t>& scratch) const;

    // Main: fdatasync of the data, then of the journal with what was verified before. When the
    // data could not be synced, every later call says so again: what the kernel dropped cannot
    // be told, so the file must be opened anew, which checks what is there.
    Status sync();

  private:
    friend class PartialStore;  // makes, finishes and closes them
    PartialFile(SafePath name, integrity::FileId id)
        : name_(std::move(name)), id_(id), geometry_(id.size) {}
    Status append_to_journal(const std::vector<ChunkIndex>& chunks);

    SafePath name_;
    integrity::FileId id_;
    integrity::Geometry geometry_;
    std::string part_path_;
    std::vector<integrity::Digest> hashes_;
    Fd data_;
    Resumed resumed_;
    // Main's alone:
    Fd journal_;  // locked; empty when the file is only served
    Fd folder_;   // until it has been synced once
    std::uint64_t journal_head_size_{0};
    std::uint64_t journal_records_{0};
    std::optional<Error> sync_error_;
    struct Progress {
        Bitmap held;
        std::vector<ChunkIndex> unsynced;
    };
    Guarded<Progress> progress_;
};

}  // namespace shoal::store
