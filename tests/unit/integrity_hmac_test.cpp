#include <catch2/catch.hpp>
#include <string_view>

#include "shoal/integrity/sha256.hpp"

using namespace shoal::integrity;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes of(std::string_view text) { return {text.begin(), text.end()}; }

// RFC 4231, section 4. Case 5 is about truncation: only 16 bytes of the result are given.
struct Vector {
    Bytes key;
    Bytes data;
    std::string_view mac;
};

Bytes counting_key() {
    Bytes key;
    for (std::uint8_t byte = 1; byte <= 25; ++byte)
        key.push_back(byte);
    return key;
}

const std::vector<Vector>& rfc4231() {
    static const std::vector<Vector> vectors{
        {Bytes(20, 0x0b), of("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {of("Jefe"), of("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {Bytes(20, 0xaa), Bytes(50, 0xdd),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {counting_key(), Bytes(50, 0xcd),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {Bytes(20, 0x0c), of("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b"},
        {Bytes(131, 0xaa), of("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {Bytes(131, 0xaa),
         of("This is a test using a larger than block-size key and a larger than block-size "
            "data. The key needs to be hashed before being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    return vectors;
}

}  // namespace

TEST_CASE("HMAC-SHA256 gives the values of RFC 4231") {
    for (const Vector& vector : rfc4231()) {
        const std::string mac = hmac_sha256(vector.key, vector.data).hex();
        CHECK(mac.substr(0, vector.mac.size()) == vector.mac);
    }
}

TEST_CASE("an HMAC key of one block is used as it is, a longer one is hashed first") {
    const Bytes data = of("data");
    const Bytes block(64, 0x61);
    const Bytes longer(65, 0x61);
    const Digest hashed = sha256(longer);
    CHECK(hmac_sha256(longer, data) == hmac_sha256(hashed.bytes, data));
    CHECK(hmac_sha256(block, data) != hmac_sha256(sha256(block).bytes, data));
}

TEST_CASE("the constant-time comparison sees every single difference") {
    const Bytes left(32, 0x5a);
    CHECK(equal_constant_time(left, left));
    CHECK(equal_constant_time({}, {}));
    CHECK_FALSE(equal_constant_time(left, std::span(left).first(31)));
    for (std::size_t i = 0; i < left.size(); ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes right = left;
            right[i] = static_cast<std::uint8_t>(right[i] ^ (1U << bit));
            REQUIRE_FALSE(equal_constant_time(left, right));
        }
    }
}

TEST_CASE("a key that is kept gives the same MACs, of parts as of the whole") {
    for (const Vector& vector : rfc4231()) {
        const HmacKey key(vector.key);
        const std::span<const std::uint8_t> data(vector.data);
        for (const std::size_t cut : {std::size_t{0}, data.size() / 2, data.size()}) {
            const Digest whole = hmac_sha256(vector.key, data);
            CHECK(key.mac({data.first(cut), data.subspan(cut)}) == whole);
            CHECK(HmacKey(key).mac({data}) == whole);
        }
    }
}
