#include "screen.hpp"

#include <algorithm>

#include "width.hpp"

namespace shoal::cli {
namespace {

// ECMA-48 control sequences.
constexpr std::string_view erase_below = "\x1b[J";
constexpr std::string_view erase_to_line_end = "\x1b[K";

// Without the sequences that colour it.
std::size_t drawn_width(std::string_view line) {
    std::string plain;
    while (!line.empty()) {
        const std::size_t escape = std::min(line.find('\x1b'), line.size());
        plain += line.substr(0, escape);
        line.remove_prefix(escape);
        const std::size_t end = line.find('m');
        line.remove_prefix(end == line.npos ? line.size() : end + 1);
    }
    return width(plain);
}

}  // namespace

std::string Screen::to_top() const {
    std::size_t rows = cursor_ / columns_;
    for (const std::size_t columns : above_) {
        rows += std::max<std::size_t>(1, columns / columns_ + (columns % columns_ == 0 ? 0 : 1));
    }
    return rows == 0 ? "\r" : "\r\x1b[" + std::to_string(rows) + "A";
}

void Screen::forget() {
    above_.clear();
    cursor_ = 0;
}

std::string Screen::clear() {
    std::string bytes = drawn_ ? to_top() + std::string(erase_below) : "";
    forget();
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
    above_.clear();
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
        above_.push_back(drawn_width(rows[i]));
    }
    bytes += drawn_ || was_drawn ? erase_below : "";
    // At the end of a line what the terminal echoes (^C) would begin another one.
    cursor_ = footer ? footer->cursor : 0;
    bytes += drawn_ ? "\r" : "";
    bytes += cursor_ == 0 ? "" : "\x1b[" + std::to_string(cursor_) + "C";
    return bytes;
}

}  // namespace shoal::cli
