// PartialFile: a download under way: NAME.part and its journal.
//
// The requester writes and marks chunks, the reader serves marked ones, main syncs, and whoever
// of requester and main has time hashes. Data is
// on disk before the journal says so, so a journal never promises what a crash took.
//
// The journal: a header (magic, inodes, FileId, final name, checksum), the chunk hashes, then
// records of fixed size, appended; a torn last record is ignored.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/base/time.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/store/root.hpp"

namespace shoal::store {

// What a resume found. All of it was hashed again: a journal tells what was right, not what is.
struct Resumed {
    std::uint64_t kept_bytes{0};       // journaled, and right
    std::uint64_t rechecked_bytes{0};  // found beyond the journal
    std::uint64_t lost_bytes{0};       // of all these, the ones that were not right
    std::uint64_t held_bytes{0};       // the ones that were
};

class PartialFile {
  public:
    [[nodiscard]] const integrity::FileId& id() const { return id_; }
    [[nodiscard]] const integrity::Geometry& geometry() const { return geometry_; }
    [[nodiscard]] const SafePath& name() const { return name_; }  // the final one
    [[nodiscard]] std::string part_path() const;  // below the root; changes when it makes way
    // Empty for a file of one chunk.
    [[nodiscard]] const std::vector<integrity::Digest>& chunk_hashes() const { return hashes_; }
    // Any thread, for pread and sendfile. -1 when it is only offered: Catalog::open_part().
    [[nodiscard]] int fd() const { return data_.get(); }
    [[nodiscard]] const Resumed& resumed() const { return resumed_; }

    // Requester. ErrorKind::no_space when the disk is full; nothing is lost then. `changed`: as
    // check(), which it does once a MiB; a part that was cut or removed is noticed at once.
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

    // Any thread: whether the name still leads to this file, it has its length, and the folder is
    // in its place. ErrorKind::changed when somebody meddled with the file.
    [[nodiscard]] Status check() const;

    // Main: hashes what an earlier run left, or again what is held, until `deadline` of the steady
    // clock but a chunk at least. True: there is more to do. What is right is held from then on.
    bool prove(TimePoint deadline);
    // How much of that is done, 0 to 1.
    [[nodiscard]] double proven() const;
    // Main: somebody else has written to it, or nobody would have told: what is held is to be
    // proven again before it gets its name.
    void doubt() {
        doubted_ = true;
        ++doubts_;
    }
    [[nodiscard]] bool doubted() const { return doubted_; }
    // Any thread: how often that was so. Who hands out what was verified hands out something else
    // when it has grown.
    [[nodiscard]] std::uint32_t doubts() const { return doubts_; }
    void begin_proving_held();
    // Main, when all is held: it is not written to here any more. True: another program has it
    // open for writing.
    bool end_writing();

    // Main: fdatasync of the data, then of the journal with what was verified before. When the
    // data could not be synced, every later call says so again: what the kernel dropped cannot
    // be told, so the file must be opened anew, which checks what is there.
    Status sync();

  private:
    friend class PartialStore;  // makes, finishes and closes them
    PartialFile(const Root& root, SafePath name, integrity::FileId id)
        : root_(&root), name_(std::move(name)), id_(id), geometry_(id.size) {}
    Status check_data() const;
    Status append_to_journal(const std::vector<ChunkIndex>& chunks);
    bool prove_chunk(ChunkIndex chunk);
    Result<std::vector<integrity::Digest>> take_over(ChunkIndex chunk);
    void end_proof();
    // Of a part that is in `folder` under this name.
    void set_place(std::string part_path);

    const Root* root_;

    SafePath name_;
    integrity::FileId id_;
    integrity::Geometry geometry_;
    std::vector<integrity::Digest> hashes_;
    Fd data_;
    Fd folder_;                           // empty when the file is only served
    std::uint64_t written_unchecked_{0};  // requester's
    Resumed resumed_;
    // Main's alone:
    Fd journal_;  // locked; empty when the file is only served
    bool folder_synced_{false};
    std::uint64_t journal_head_size_{0};
    std::uint64_t journal_records_{0};
    std::optional<Error> sync_error_;
    bool doubted_{false};
    std::atomic<std::uint32_t> doubts_{0};
    struct Proof {
        std::vector<ChunkIndex> chunks;
        std::size_t next{0};
        Bitmap journaled;
        bool lost_journaled{false};
        Fd source;  // a copy of an earlier part, to be read from instead
    };
    Proof proof_;
    std::vector<std::uint8_t> scratch_;
    struct Progress {
        Bitmap held;
        std::vector<ChunkIndex> unsynced;
        std::string part_path;
    };
    Guarded<Progress> progress_;
};

}  // namespace shoal::store
