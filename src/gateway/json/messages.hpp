// Framing: one JSON object a line, and the raw bytes of content behind the lines that announce
// some. Sans-I/O. Where there is a secret, "MAC " in hex stands before each line, and MAC bytes
// behind each block of content: 64 KiB, the last one of a content shorter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/json/json_check.hpp"
#include "gateway/json/session.hpp"

namespace shoal::gateway::json {

inline constexpr std::size_t content_block_size = 64 * 1024;

class MessageReader {
  public:
    enum class Got { nothing, something, forged, too_long };  // the last two are final

    explicit MessageReader(std::optional<MacStream> macs) : macs_(std::move(macs)) {}

    void feed(std::span<const std::uint8_t> bytes);
    // The next whole line, its MAC checked; valid until the next feed().
    Got next_line(std::string_view& line);
    // Of a content of which `left` bytes are still to come: what is here and proven, up to a
    // block; valid until the next feed().
    Got next_content(std::uint64_t left, std::span<const std::uint8_t>& bytes);
    // Bytes that were fed and not yet taken.
    [[nodiscard]] std::size_t waiting() const { return buffer_.size() - begin_; }

  private:
    [[nodiscard]] std::span<const std::uint8_t> rest() const {
        return std::span(buffer_).subspan(begin_);
    }

    std::optional<MacStream> macs_;
    std::vector<std::uint8_t> buffer_;
    std::size_t begin_{0};    // of what was not yet taken
    std::size_t scanned_{0};  // behind begin_, without a line end
};

class MessageWriter {
  public:
    explicit MessageWriter(std::optional<MacStream> macs) : macs_(std::move(macs)) {}

    // `json` without its line end.
    void line(std::string_view json);
    // The content's next bytes: a multiple of content_block_size, unless they are its last.
    void content(std::span<const std::uint8_t> bytes);

    [[nodiscard]] std::span<const std::uint8_t> waiting() const {
        return std::span(buffer_).subspan(begin_);
    }
    // That many bytes of waiting() are out.
    void sent(std::size_t bytes);

  private:
    std::optional<MacStream> macs_;
    std::vector<std::uint8_t> buffer_;
    std::size_t begin_{0};
};

}  // namespace shoal::gateway::json
