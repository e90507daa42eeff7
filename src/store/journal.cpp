#include "journal.hpp"

#include <algorithm>

#include "bytes.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::store {
namespace {

using integrity::Digest;
using integrity::FileId;

constexpr std::string_view magic = "SHOALJ2\n";
constexpr std::size_t head_max = journal_owner_size + 8 + 32 + 4 + limits::path_max + 32;

std::uint64_t check_of(const FileId& id, std::uint64_t number, std::uint32_t first,
                       std::uint32_t count) {
    ByteWriter text;
    text.bytes(id.root.bytes);
    text.number(number);
    text.number(first);
    text.number(count);
    const Digest digest = integrity::sha256(text.out());
    return ByteReader(digest.bytes).number<std::uint64_t>();
}

std::string_view as_text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<JournalOwner> decode_owner(ByteReader& in) {
    if (as_text(in.bytes(magic.size())) != magic) {
        return std::nullopt;
    }
    JournalOwner owner;
    for (FileMark* mark : {&owner.journal, &owner.part}) {
        mark->inode = in.number<std::uint64_t>();
        mark->born = in.number<std::uint64_t>();
    }
    return in.ok() ? std::optional(owner) : std::nullopt;
}

std::optional<Journal> decode_head(ByteReader& in, std::span<const std::uint8_t> all) {
    const std::optional<JournalOwner> owner = decode_owner(in);
    if (!owner) {
        return std::nullopt;
    }
    FileId id;
    id.size = in.number<std::uint64_t>();
    in.copy_to(id.root.bytes);
    const auto name_size = in.number<std::uint32_t>();
    if (!in.ok() || name_size > limits::path_max || id.size > limits::file_size_max) {
        return std::nullopt;
    }
    const auto name = SafePath::parse(as_text(in.bytes(name_size)));
    const Digest check = integrity::sha256(all.first(in.position()));
    Digest written;
    in.copy_to(written.bytes);
    if (!in.ok() || !name || written != check) {
        return std::nullopt;
    }
    return Journal{*owner, name.value(), id, {}, {}, 0};
}

// The hashes need no check of their own: they must give the root.
bool decode_hashes(ByteReader& in, Journal& journal) {
    const integrity::Geometry geometry(journal.id.size);
    const std::uint32_t count = geometry.chunk_count();
    if (count < 2 || in.left() / sizeof(Digest) < count) {
        return false;
    }
    journal.chunk_hashes.resize(count);
    for (Digest& hash : journal.chunk_hashes) {
        in.copy_to(hash.bytes);
    }
    journal.held = Bitmap(count);
    return integrity::file_root(journal.chunk_hashes, geometry) == journal.id.root;
}

// False at the first record that is not whole and right.
bool decode_record(ByteReader& in, Journal& journal) {
    const auto first = in.number<std::uint32_t>();
    const auto count = in.number<std::uint32_t>();
    const auto check = in.number<std::uint64_t>();
    const std::size_t chunks = journal.held.size();
    if (!in.ok() || count == 0 || first >= chunks || count > chunks - first ||
        check != check_of(journal.id, journal.records, first, count)) {
        return false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        journal.held.set(first + i);
    }
    return true;
}

}  // namespace

std::uint64_t journal_size_max() {
    return head_max + std::uint64_t{limits::chunk_count_max} * (32 + journal_record_size);
}

std::optional<Journal> decode_journal(std::span<const std::uint8_t> bytes) {
    ByteReader in(bytes);
    std::optional<Journal> journal = decode_head(in, bytes);
    if (!journal || !decode_hashes(in, *journal)) {
        return std::nullopt;
    }
    // Each record adds at least one chunk, so more than this many is not of our making.
    while (journal->records < journal->held.size() && decode_record(in, *journal)) {
        ++journal->records;
    }
    return journal;
}

std::optional<JournalOwner> decode_journal_owner(std::span<const std::uint8_t> bytes) {
    ByteReader in(bytes);
    return decode_owner(in);
}

std::vector<std::uint8_t> encode_journal_head(const JournalOwner& owner, const SafePath& name,
                                              const FileId& id,
                                              std::span<const Digest> chunk_hashes) {
    ByteWriter out;
    out.reserve(head_max + chunk_hashes.size() * sizeof(Digest));
    out.text(magic);
    for (const FileMark& mark : {owner.journal, owner.part}) {
        out.number(mark.inode);
        out.number(mark.born);
    }
    out.number(id.size);
    out.bytes(id.root.bytes);
    out.number(static_cast<std::uint32_t>(name.text().size()));
    out.text(name.text());
    out.bytes(integrity::sha256(out.out()).bytes);
    for (const Digest& hash : chunk_hashes) {
        out.bytes(hash.bytes);
    }
    return out.take();
}

std::vector<std::uint8_t> encode_journal_records(const FileId& id, std::uint64_t number,
                                                 std::vector<ChunkIndex> chunks) {
    std::sort(chunks.begin(), chunks.end());
    ByteWriter out;
    for (std::size_t i = 0; i < chunks.size();) {
        std::uint32_t count = 1;
        while (i + count < chunks.size() && chunks[i + count].value == chunks[i].value + count) {
            ++count;
        }
        out.number(chunks[i].value);
        out.number(count);
        out.number(check_of(id, number++, chunks[i].value, count));
        i += count;
    }
    return out.take();
}

}  // namespace shoal::store
