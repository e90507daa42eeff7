// The tree of BEP 52 over 16 KiB leaves.
//
//                 root                     height of the tree: leaves rounded up to 2^h
//            /            \                a padding leaf is 32 zero bytes
//       chunk hash     chunk hash          a file of one chunk: padded to its own 2^h
//        /     \        /     \            a larger one: every chunk padded to a full chunk,
//      leaf   leaf    leaf    pad          missing chunks are all-padding chunks
//
// Pure; any thread. Nothing here is trusted until it hashes up to the root.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shoal/integrity/digest.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::integrity {

// Root of a subtree of 2^height padding leaves.
Digest padding_root(unsigned height);

// Hash of one chunk from the digests of its leaves; leaves.size() == geometry.leaves_in(chunk).
Digest chunk_hash(std::span<const Digest> leaves, const Geometry& geometry);

// Root of the file from all its chunk hashes; hashes.size() == geometry.chunk_count().
// An empty file's root is 32 zero bytes.
Digest file_root(std::span<const Digest> hashes, const Geometry& geometry);

// A file's whole identity: the root and the piece layer it is made from.
struct FileTree {
    FileId id;
    std::vector<Digest> chunk_hashes;
};

// Hashes a file that arrives in order, keeping digests only.
class TreeHasher {
  public:
    // `file_size` bytes will follow in all.
    explicit TreeHasher(std::uint64_t file_size);

    // Any sizes; fastest in multiples of several leaves. More than file_size bytes in all, or
    // finish() before them, is a bug of the caller: std::logic_error.
    void update(std::span<const std::uint8_t> data);
    [[nodiscard]] std::uint64_t received() const { return received_; }
    // Call once, after exactly file_size bytes.
    FileTree finish();

  private:
    void take_leaves(std::span<const std::uint8_t> data);  // only the file's last leaf is short

    Geometry geometry_;
    std::uint64_t received_{0};
    std::vector<std::uint8_t> pending_;  // less than one leaf
    std::vector<Digest> leaves_;         // of the chunk under way
    std::vector<Digest> chunk_hashes_;
};

}  // namespace shoal::integrity
