// The journal's bytes: pure encoding and decoding. All numbers are little-endian.
//
//   magic "SHOALJ2\n"  8        chunk hashes   32 each, proven by the root
//   which file it is  16        then records, appended:
//   which the part is 16
//   file size          8
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

#include "file_io.hpp"
#include "shoal/base/bitmap.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::store {

// Which files a journal was written for: one that was copied, or that stands beside another file
// than its part, tells of nothing that is ours.
struct JournalOwner {
    FileMark journal;
    FileMark part;

    friend bool operator==(const JournalOwner&, const JournalOwner&) = default;
};

struct Journal {
    JournalOwner owner;
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

// How many bytes decode_journal_owner() needs.
inline constexpr std::size_t journal_owner_size = 40;
// What stands first; the rest may be damaged. nullopt when it is of another program.
std::optional<JournalOwner> decode_journal_owner(std::span<const std::uint8_t> bytes);

// Header and chunk hashes; the records start where it ends.
std::vector<std::uint8_t> encode_journal_head(const JournalOwner& owner, const SafePath& name,
                                              const integrity::FileId& id,
                                              std::span<const integrity::Digest> chunk_hashes);
// Records for `chunks` (sorted here, runs joined), the first of them with number `number`.
std::vector<std::uint8_t> encode_journal_records(const integrity::FileId& id, std::uint64_t number,
                                                 std::vector<ChunkIndex> chunks);

}  // namespace shoal::store
