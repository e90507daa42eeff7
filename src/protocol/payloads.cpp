// Listing pages and lists of digests.
#include <optional>

#include "byte_reader.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::protocol {
namespace {

std::optional<ListingRecord> read_record(ByteReader& reader) {
    if (reader.left() < listing_record_head) {
        return std::nullopt;
    }
    const auto name_length = reader.number<std::uint16_t>();
    ListingRecord record;
    record.id.size = reader.number<std::uint64_t>();
    record.id.root = reader.digest();
    record.held = reader.number<std::uint64_t>();
    record.mtime = reader.number<std::int64_t>();
    if (name_length == 0 || name_length > limits::path_max || name_length > reader.left() ||
        record.id.size > limits::file_size_max ||
        record.held > integrity::Geometry(record.id.size).chunk_count()) {
        return std::nullopt;
    }
    record.name = reader.text(name_length);
    return record;
}

Error bad_record(std::size_t index, std::string_view why) {
    return {ErrorKind::bad_input,
            "record " + std::to_string(index) + " of a listing page " + std::string(why)};
}

}  // namespace

void append_record(std::vector<std::uint8_t>& page, const ListingRecord& record) {
    put(page, static_cast<std::uint16_t>(record.name.size()));
    put(page, record.id.size);
    page.insert(page.end(), record.id.root.bytes.begin(), record.id.root.bytes.end());
    put(page, record.held);
    put(page, static_cast<std::uint64_t>(record.mtime));
    page.insert(page.end(), record.name.begin(), record.name.end());
}

Result<std::vector<ListingRecord>> parse_listing(std::span<const std::uint8_t> page) {
    std::vector<ListingRecord> records;
    ByteReader reader(page);
    while (reader.left() > 0) {
        const auto record = read_record(reader);
        if (!record) {
            return bad_record(records.size(), "is cut short or out of range");
        }
        if (!records.empty() && record->name <= records.back().name) {
            return bad_record(records.size(), "is not after the one before it");
        }
        records.push_back(*record);
    }
    return records;
}

void append_chunk(std::vector<std::uint8_t>& payload, ChunkIndex chunk) {
    put(payload, chunk.value);
}

std::vector<ChunkIndex> unpack_chunks(std::span<const std::uint8_t> payload) {
    std::vector<ChunkIndex> out;
    for (ByteReader reader(payload); reader.left() >= sizeof(std::uint32_t);) {
        out.push_back({reader.number<std::uint32_t>()});
    }
    return out;
}

std::vector<std::uint8_t> pack_digests(std::span<const integrity::Digest> digests) {
    std::vector<std::uint8_t> out;
    out.reserve(digests.size() * sizeof(integrity::Digest));
    for (const auto& digest : digests) {
        out.insert(out.end(), digest.bytes.begin(), digest.bytes.end());
    }
    return out;
}

std::vector<integrity::Digest> unpack_digests(std::span<const std::uint8_t> payload) {
    std::vector<integrity::Digest> out;
    out.reserve(payload.size() / sizeof(integrity::Digest));
    for (ByteReader reader(payload); reader.left() >= sizeof(integrity::Digest);) {
        out.push_back(reader.digest());
    }
    return out;
}

}  // namespace shoal::protocol
