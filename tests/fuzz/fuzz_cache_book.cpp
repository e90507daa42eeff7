// The book of the gateways' cache from arbitrary bytes. Whatever they are: its names are safe, its
// sums are right, it means the same when it is written and read again, and it can be emptied.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "peer/cache_book.hpp"
#include "shoal/store/safe_path.hpp"

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shoal::peer::CacheBook book;
    book.load(std::string_view(reinterpret_cast<const char*>(data), size));
    require(!book.changed());

    shoal::peer::CacheBook again;
    again.load(book.save());
    require(again.save() == book.save() && again.bytes() == book.bytes());

    const std::uint64_t bytes = book.bytes();
    std::uint64_t sum = 0;
    const auto half = book.evict(bytes / 2);
    require(book.bytes() <= bytes / 2);
    for (const auto& entry : half) {
        require(shoal::store::SafePath::parse(entry.name).ok() && entry.id.possible());
        sum += entry.id.size;
    }
    require(sum + book.bytes() == bytes);
    return 0;
}
