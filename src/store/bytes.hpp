// Little-endian bytes of the store's own files (journal, index): a writer, and a reader that
// turns sour at the first missing byte, so that decoders check once.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace shoal::store {

class ByteWriter {
  public:
    template <std::unsigned_integral T>
    void number(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        }
    }
    void bytes(std::span<const std::uint8_t> data) {
        out_.insert(out_.end(), data.begin(), data.end());
    }
    void text(std::string_view data) { out_.insert(out_.end(), data.begin(), data.end()); }
    void reserve(std::size_t size) { out_.reserve(size); }

    [[nodiscard]] const std::vector<std::uint8_t>& out() const { return out_; }
    std::vector<std::uint8_t> take() { return std::move(out_); }

  private:
    std::vector<std::uint8_t> out_;
};

class ByteReader {
  public:
    explicit ByteReader(std::span<const std::uint8_t> data) : data_(data) {}

    // False once more was asked for than was there.
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t position() const { return position_; }
    [[nodiscard]] std::size_t left() const { return data_.size() - position_; }

    // Empty when fewer than `size` bytes are left.
    std::span<const std::uint8_t> bytes(std::size_t size) {
        if (!ok_ || size > left()) {
            ok_ = false;
            return {};
        }
        position_ += size;
        return data_.subspan(position_ - size, size);
    }
    template <std::unsigned_integral T>
    T number() {
        T value{};
        const auto data = bytes(sizeof(T));
        for (std::size_t i = 0; i < data.size(); ++i) {
            value = static_cast<T>(value | static_cast<T>(data[i]) << (8 * i));
        }
        return value;
    }
    void copy_to(std::span<std::uint8_t> out) {
        const auto data = bytes(out.size());
        std::copy(data.begin(), data.end(), out.begin());
    }

  private:
    std::span<const std::uint8_t> data_;
    std::size_t position_{0};
    bool ok_{true};
};

}  // namespace shoal::store
