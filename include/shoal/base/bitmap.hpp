// Bitmap: a fixed number of flags, one a chunk. Wire form: chunk i is bit 0x80 >> (i % 8) of
// byte i / 8; spare bits are zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace shoal {

class Bitmap {
  public:
    Bitmap() = default;
    explicit Bitmap(std::size_t size, bool filled = false);
    // nullopt when the length does not fit `size` or a spare bit is set.
    static std::optional<Bitmap> from_wire(std::span<const std::uint8_t> bytes, std::size_t size);

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] bool all() const { return count_ == size_; }
    [[nodiscard]] bool test(std::size_t index) const {
        return ((bytes_[index / 8] >> (7 - index % 8)) & 1U) != 0;
    }
    // The first clear flag from `index` on; size() if there is none. Steps over set ones in words.
    [[nodiscard]] std::size_t next_clear(std::size_t index) const;
    // True when the flag was clear before.
    bool set(std::size_t index);
    // True when the flag was set before.
    bool clear(std::size_t index);
    [[nodiscard]] const std::vector<std::uint8_t>& wire() const { return bytes_; }

    friend bool operator==(const Bitmap&, const Bitmap&) = default;

  private:
    std::size_t size_{0};
    std::size_t count_{0};
    std::vector<std::uint8_t> bytes_;
};

}  // namespace shoal
