// A listing page: what parses is in range and in order, and packs to the same page.
#include "frames_feed.hpp"
#include "shoal/integrity/geometry.hpp"

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> page(data, size);
    const auto records = protocol::parse_listing(page);
    if (!records) {
        return 0;
    }
    fuzz::Bytes again;
    std::string_view before;
    for (const auto& record : *records) {
        fuzz::require(record.name > before && record.name.size() <= limits::path_max);
        fuzz::require(record.id.size <= limits::file_size_max);
        fuzz::require(record.held <= integrity::Geometry(record.id.size).chunk_count());
        before = record.name;
        protocol::append_record(again, record);
    }
    fuzz::require(std::equal(page.begin(), page.end(), again.begin(), again.end()));
    return 0;
}
