// The journal's bytes: pure encoding and decoding. All numbers are little-endian.
//
//   magic "SHOALJ1\n"  8        chunk hashes   32 each, proven by the root
//   file size          8        then records, appended:
//   root              32          first chunk  4
//   name's length      4          chunks       4
//   final name         n          check        8   of root, record's number, first, chunks
//   check             32   SHA-256 of all above
//
// A record that does not check ends the journal: a torn tail promises nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::store {

struct Journal {
    SafePath name;  // the final one
    integrity::FileId id;
    std::vector<integrity::Digest> chunk_hashes;
    Bitmap held;
    std::uint64_t records{};  // good ones
};

inline constexpr std::uint64_t journal_record_size = 16;
// No journal is larger: every chunk in a record of its own.
std::uint64_t journal_size_max();

// nullopt when the head is damaged, cut off, or of another program.
std::optional<Journal> decode_journal(std::span<const std::uint8_t> bytes);

// Header and chunk hashes; the records start where it ends.
std::vector<std::uint8_t> encode_journal_head(const SafePath& name, const integrity::FileId& id,
                                              std::span<const integrity::Digest> chunk_hashes);
// Records for `chunks` (sorted here, runs joined), the first of them with number `number`.
std::vector<std::uint8_t> encode_journal_records(const integrity::FileId& id, std::uint64_t number,
                                                 std::vector<ChunkIndex> chunks);

}  // namespace shoal::store
