#include "line_splitter.hpp"

namespace shoal::cli {

std::optional<LineSplitter::Line> LineSplitter::next() {
    const std::size_t end = buffer_.find('\n', taken_);
    const bool whole = end != std::string::npos;
    const std::size_t length = (whole ? end : buffer_.size()) - taken_;
    if (!whole && !(ended_ && (length > 0 || skipping_))) {
        buffer_.erase(0, taken_);
        taken_ = 0;
        if (buffer_.size() > line_max_) {
            buffer_.clear();
            skipping_ = true;
        }
        return std::nullopt;
    }
    const bool too_long = skipping_ || length > line_max_;
    Line line{too_long ? "" : buffer_.substr(taken_, length), too_long};
    taken_ += length + (whole ? 1 : 0);
    skipping_ = false;
    return line;
}

}  // namespace shoal::cli
