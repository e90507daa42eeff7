// A bitmap from the wire: accepted ones encode to the same bytes and count their own flags;
// the input's first byte chooses a size near the length that follows.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "shoal/base/bitmap.hpp"

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::span<const std::uint8_t> bytes(data + 1, size - 1);
    const std::size_t flags = bytes.size() * 8 + 8 - data[0] % 17;
    auto bitmap = shoal::Bitmap::from_wire(bytes, flags);
    if (!bitmap) {
        return 0;
    }
    require(bitmap->size() == flags && (flags + 7) / 8 == bytes.size());
    require(std::equal(bytes.begin(), bytes.end(), bitmap->wire().begin(), bitmap->wire().end()));
    std::size_t ones = 0;
    for (const std::uint8_t byte : bytes) {
        ones += static_cast<std::size_t>(std::popcount(byte));
    }
    require(bitmap->count() == ones && bitmap->all() == (ones == flags));
    for (std::size_t i = 0; i < flags; ++i) {
        const bool was_set = bitmap->test(i);
        require(bitmap->set(i) != was_set && bitmap->clear(i));
    }
    require(bitmap->count() == 0);
    return 0;
}
