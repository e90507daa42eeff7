#include "screen.hpp"

namespace shoal::cli {
namespace {

// ECMA-48 control sequences.
constexpr std::string_view erase_below = "\x1b[J";
constexpr std::string_view erase_to_line_end = "\x1b[K";

}  // namespace

std::string Screen::to_top() const {
    return rows_above_ == 0 ? "\r" : "\r\x1b[" + std::to_string(rows_above_) + "A";
}

std::string Screen::clear() {
    std::string bytes = drawn_ ? to_top() + std::string(erase_below) : "";
    rows_above_ = 0;
    drawn_ = false;
    return bytes;
}

std::string Screen::draw(std::string_view above, const std::vector<std::string>& lines,
                         const std::optional<Footer>& footer) {
    std::string bytes;
    if (!above.empty()) {
        bytes = clear();
        bytes += above;
    } else {
        bytes = drawn_ ? to_top() : "";
    }
    std::vector<std::string_view> rows(lines.begin(), lines.end());
    if (footer) {
        rows.emplace_back(footer->line);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        bytes += i > 0 ? "\n" : "";
        bytes += rows[i];
        bytes += erase_to_line_end;
    }
    const bool was_drawn = drawn_;
    drawn_ = !rows.empty();
    rows_above_ = rows.empty() ? 0 : rows.size() - 1;
    bytes += drawn_ || was_drawn ? erase_below : "";
    if (footer) {
        bytes += footer->cursor == 0 ? "\r" : "\r\x1b[" + std::to_string(footer->cursor) + "C";
    }
    return bytes;
}

}  // namespace shoal::cli
