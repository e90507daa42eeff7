#include <catch2/catch.hpp>
#include <string>

#include "../support/protocol_samples.hpp"

using namespace shoal;
using namespace shoal::protocol;
using namespace shoal::protocol::samples;

namespace {

Bytes page_of(std::initializer_list<ListingRecord> records) {
    Bytes page;
    for (const auto& record : records) {
        append_record(page, record);
    }
    return page;
}

}  // namespace

TEST_CASE("listing records survive", "[protocol][listing]") {
    const std::string longest(400, 'z');
    const auto page = page_of({{"a", {0, {}}, 0, -5},
                               {"a/b", {65537, digest_from(9)}, 2, 1700000000},
                               {"\xc3\xa4", {1, digest_from(8)}, 0, INT64_MAX},
                               {"\xf4" + longest.substr(1), {limits::file_size_max, {}}, 7, 0}});
    const auto records = parse_listing(page);
    REQUIRE(records.ok());
    REQUIRE(records->size() == 4);
    CHECK((*records)[0].mtime == -5);
    CHECK((*records)[1].name == "a/b");
    CHECK((*records)[1].id == integrity::FileId{65537, digest_from(9)});
    CHECK((*records)[1].held == 2);
    CHECK((*records)[3].name.size() == 400);
    CHECK(parse_listing({}).ok());
}

TEST_CASE("a page cut anywhere but between records is refused", "[protocol][listing]") {
    const auto page = page_of({{"one", {1, {}}, 1, 1}, {"two", {2, {}}, 1, 2}});
    const std::size_t boundary = listing_record_head + 3;
    for (std::size_t cut = 0; cut < page.size(); ++cut) {
        INFO(cut);
        const auto result = parse_listing(std::span(page).first(cut));
        CHECK(result.ok() == (cut == 0 || cut == boundary));
    }
}

TEST_CASE("records out of range or out of order are refused and named", "[protocol][listing]") {
    static const std::string too_long(401, 'x');  // generated records outlive one run
    const ListingRecord good{"b", {1, {}}, 1, 0};
    const auto bad = GENERATE(values<ListingRecord>({
        {"", {1, {}}, 1, 0},
        {"a", {1, {}}, 1, 0},
        {"b", {1, {}}, 1, 0},
        {too_long, {1, {}}, 1, 0},
        {"c", {limits::file_size_max + 1, {}}, 0, 0},
        {"c", {65537, {}}, 3, 0},
    }));
    const auto result = parse_listing(page_of({good, bad}));
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().message.find("record 1 ") != std::string::npos);
}

TEST_CASE("digest lists survive", "[protocol][listing]") {
    const std::vector<integrity::Digest> digests{digest_from(1), digest_from(2), digest_from(3)};
    const auto packed = pack_digests(digests);
    CHECK(packed.size() == 96);
    CHECK(packed[32] == 2);
    CHECK(unpack_digests(packed) == digests);
    CHECK(unpack_digests({}).empty());
}
