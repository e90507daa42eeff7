#include "shoal/base/bitmap.hpp"

#include <bit>
#include <cstring>

namespace shoal {
namespace {

std::uint8_t mask_of(std::size_t index) { return static_cast<std::uint8_t>(0x80U >> (index % 8)); }

// The bits of the last byte that stand for nothing.
std::uint8_t spare_mask(std::size_t size) {
    return size % 8 == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(0xFFU >> (size % 8));
}

}  // namespace

Bitmap::Bitmap(std::size_t size, bool filled)
    : size_(size),
      count_(filled ? size : 0),
      bytes_((size + 7) / 8, filled ? std::uint8_t{0xFF} : std::uint8_t{0}) {
    if (filled && !bytes_.empty()) {
        bytes_.back() = static_cast<std::uint8_t>(0xFFU & ~unsigned{spare_mask(size)});
    }
}

std::optional<Bitmap> Bitmap::from_wire(std::span<const std::uint8_t> bytes, std::size_t size) {
    if (bytes.size() != size / 8 + (size % 8 != 0)) {
        return std::nullopt;
    }
    if (!bytes.empty() && (bytes.back() & spare_mask(size)) != 0) {
        return std::nullopt;
    }
    Bitmap bitmap;
    bitmap.size_ = size;
    bitmap.bytes_.assign(bytes.begin(), bytes.end());
    for (const std::uint8_t byte : bytes) {
        bitmap.count_ += static_cast<std::size_t>(std::popcount(byte));
    }
    return bitmap;
}

std::size_t Bitmap::next_clear(std::size_t index) const {
    while (index < size_) {
        if (index % 8 == 0 && bytes_[index / 8] == 0xFF) {
            std::uint64_t word = 0;
            const std::size_t at = index / 8;
            if (at + sizeof word <= bytes_.size()) {
                std::memcpy(&word, bytes_.data() + at, sizeof word);
            }
            index += word == UINT64_MAX ? 64 : 8;
        } else if (test(index)) {
            ++index;
        } else {
            return index;
        }
    }
    return size_;
}

bool Bitmap::set(std::size_t index) {
    if (test(index)) {
        return false;
    }
    bytes_[index / 8] = static_cast<std::uint8_t>(bytes_[index / 8] | mask_of(index));
    ++count_;
    return true;
}

bool Bitmap::clear(std::size_t index) {
    if (!test(index)) {
        return false;
    }
    bytes_[index / 8] = static_cast<std::uint8_t>(bytes_[index / 8] & ~unsigned{mask_of(index)});
    --count_;
    return true;
}

}  // namespace shoal
