// Little-endian numbers and the like, to and from the bytes of a payload.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "shoal/integrity/digest.hpp"

namespace shoal::protocol {

template <typename Integer>
void put(std::vector<std::uint8_t>& out, Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

// Reads from the front of a span that is known to be long enough.
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

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
    template <std::size_t Size>
    std::array<std::uint8_t, Size> bytes() {
        std::array<std::uint8_t, Size> out;
        std::memcpy(out.data(), take(Size).data(), Size);
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

}  // namespace shoal::protocol
