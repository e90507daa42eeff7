// LineSplitter: bytes in, lines out, none longer than a limit.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::cli {

class LineSplitter {
  public:
    explicit LineSplitter(std::size_t line_max) : line_max_(line_max) {}

    struct Line {
        std::string text;      // without its line end
        bool too_long{false};  // then without text: it was thrown away
    };
    void feed(std::string_view bytes) { buffer_ += bytes; }
    // No more bytes will come: what is left is a line, too.
    void end() { ended_ = true; }
    std::optional<Line> next();
    [[nodiscard]] std::size_t buffered() const { return buffer_.size() - taken_; }

  private:
    std::size_t line_max_;
    std::string buffer_;
    std::size_t taken_{0};  // bytes of the front that were handed out
    bool skipping_{false};  // in a line that is too long, up to its end
    bool ended_{false};
};

}  // namespace shoal::cli
