// Listing pages and lists of digests.
#include <cstring>
#include <optional>

#include "shoal/integrity/geometry.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::protocol {
namespace {

template <typename Integer>
void put(std::vector<std::uint8_t>& out, Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

// Reads from the front of a span that is known to be long enough.
class Reader {
  public:
    explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

    template <typename Integer>
    Integer number() {
        std::uint64_t value = 0;
        const auto bytes = take(sizeof(Integer));
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            value |= std::uint64_t{bytes[i]} << (8 * i);
        }
        return static_cast<Integer>(value);
    }
    integrity::Digest digest() {
        integrity::Digest out;
        std::memcpy(out.bytes.data(), take(out.bytes.size()).data(), out.bytes.size());
        return out;
    }
    std::string_view text(std::size_t length) {
        return {reinterpret_cast<const char*>(take(length).data()), length};
    }
    [[nodiscard]] std::size_t left() const { return rest_.size(); }

  private:
    std::span<const std::uint8_t> take(std::size_t length) {
        const auto front = rest_.first(length);
        rest_ = rest_.subspan(length);
        return front;
    }
    std::span<const std::uint8_t> rest_;
};

std::optional<ListingRecord> read_record(Reader& reader) {
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
    Reader reader(page);
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
    for (Reader reader(payload); reader.left() >= sizeof(integrity::Digest);) {
        out.push_back(reader.digest());
    }
    return out;
}

}  // namespace shoal::protocol
