// ByteQueue: bytes that wait to be sent, the oldest first. What has gone leaves memory: never more
// of it is kept than what still waits, or 64 KiB, and moving the rest to the front costs each byte
// once at most. One owner thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace shoal {

class ByteQueue {
  public:
    [[nodiscard]] bool empty() const { return gone_ == bytes_.size(); }
    [[nodiscard]] std::size_t size() const { return bytes_.size() - gone_; }
    [[nodiscard]] std::span<const std::uint8_t> waiting() const {
        return std::span(bytes_).subspan(gone_);
    }
    // What it takes in memory.
    [[nodiscard]] std::size_t memory() const { return bytes_.capacity(); }

    void append(std::span<const std::uint8_t> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    // Room for so many behind the last, to be filled by the caller before anything else is called.
    std::span<std::uint8_t> extend(std::size_t count) {
        bytes_.resize(bytes_.size() + count);
        return std::span(bytes_).last(count);
    }
    // The first `count` are gone.
    void consume(std::size_t count) {
        gone_ += count;
        if (empty()) {
            bytes_.clear();
            gone_ = 0;
        } else if (gone_ >= kept_max && gone_ >= size()) {
            bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(gone_));
            gone_ = 0;
        }
        if (bytes_.capacity() > kept_max && bytes_.size() < bytes_.capacity() / 4) {
            bytes_.shrink_to_fit();
        }
    }

  private:
    static constexpr std::size_t kept_max = std::size_t{64} * 1024;

    std::vector<std::uint8_t> bytes_;
    std::size_t gone_{0};
};

}  // namespace shoal
