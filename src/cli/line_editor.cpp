#include "line_editor.hpp"

#include <algorithm>
#include <utility>

#include "shoal/base/text.hpp"
#include "width.hpp"

namespace shoal::cli {
namespace {

using Code = Key::Code;
using Kind = LineEditor::Action::Kind;

constexpr std::size_t text_max = 64 * 1024;

bool is_blank(char c) { return c == ' ' || c == '/'; }  // words are what folders are made of

// What one character is drawn as.
struct Cell {
    std::string drawn;
    std::size_t columns;
};

std::vector<Cell> cells_of(std::string_view text) {
    std::vector<Cell> cells;
    while (!text.empty()) {
        const std::size_t length = cluster_length(text);
        std::string drawn = text::escape(text.substr(0, length));
        const std::size_t columns = width(drawn);
        cells.push_back({std::move(drawn), columns});
        text.remove_prefix(length);
    }
    return cells;
}

std::size_t columns_of(const std::vector<Cell>& cells, std::size_t first, std::size_t last) {
    std::size_t columns = 0;
    for (std::size_t i = first; i < last; ++i) {
        columns += cells[i].columns;
    }
    return columns;
}

// The first cell to draw, so that `cursor` stands within `room`.
std::size_t first_shown(const std::vector<Cell>& cells, std::size_t cursor, std::size_t room) {
    if (columns_of(cells, 0, cells.size()) < room) {
        return 0;
    }
    std::size_t first = cursor;
    std::size_t used = 0;
    while (first > 0 && used + cells[first - 1].columns + 1 < room * 3 / 4) {
        used += cells[--first].columns;
    }
    return first;
}

}  // namespace

std::vector<LineEditor::Action> LineEditor::feed(std::string_view bytes) {
    std::vector<Action> actions;
    for (const Key& key : decoder_.feed(bytes)) {
        search_ ? handle_search(key, actions) : handle(key, actions);
    }
    return actions;
}

void LineEditor::handle(const Key& key, std::vector<Action>& actions) {
    if (key.code == Code::text || key.code == Code::paste) {
        insert(key.text);
    } else if (key.code == Code::search) {
        search_ = Search{"", history_.size(), text_};
    } else if (!handle_action(key.code, actions) && !handle_motion(key.code)) {
        handle_change(key.code);
    }
}

bool LineEditor::handle_action(Code code, std::vector<Action>& actions) {
    switch (code) {
        case Code::enter:
            actions.push_back({Kind::line, text_});
            replace("");
            history_.leave();
            return true;
        case Code::tab:
            actions.push_back({Kind::complete, ""});
            return true;
        case Code::interrupt:
            if (text_.empty()) {
                actions.push_back({Kind::interrupt, ""});
            }
            replace("");
            history_.leave();
            return true;
        case Code::end_of_input:
            if (text_.empty()) {
                actions.push_back({Kind::end_of_input, ""});
            }
            kill(cursor_, next_stop());
            return true;
        case Code::suspend:
            actions.push_back({Kind::suspend, ""});
            return true;
        case Code::clear_screen:
            actions.push_back({Kind::clear_screen, ""});
            return true;
        default:
            return false;
    }
}

bool LineEditor::handle_motion(Code code) {
    switch (code) {
        case Code::left:
            cursor_ = previous_cluster(text_, cursor_);
            return true;
        case Code::right:
            cursor_ = next_stop();
            return true;
        case Code::home:
            cursor_ = 0;
            return true;
        case Code::end:
            cursor_ = text_.size();
            return true;
        case Code::word_left:
            cursor_ = word_start();
            return true;
        case Code::word_right:
            cursor_ = word_end();
            return true;
        case Code::up:
            if (auto line = history_.older(text_)) {
                replace(std::move(*line));
            }
            return true;
        case Code::down:
            if (auto line = history_.newer()) {
                replace(std::move(*line));
            }
            return true;
        default:
            return false;
    }
}

bool LineEditor::handle_change(Code code) {
    // Single characters are erased, longer pieces can be had back with Ctrl-Y.
    const std::string kept = killed_;
    switch (code) {
        case Code::backspace:
            kill(previous_cluster(text_, cursor_), cursor_);
            killed_ = kept;
            return true;
        case Code::erase:
            kill(cursor_, next_stop());
            killed_ = kept;
            return true;
        case Code::erase_word_left:
            kill(word_start(), cursor_);
            return true;
        case Code::erase_word_right:
            kill(cursor_, word_end());
            return true;
        case Code::kill_to_end:
            kill(cursor_, text_.size());
            return true;
        case Code::kill_to_start:
            kill(0, cursor_);
            return true;
        case Code::yank:
            insert(killed_);
            return true;
        case Code::transpose:
            transpose();
            return true;
        default:
            return false;
    }
}

void LineEditor::handle_search(const Key& key, std::vector<Action>& actions) {
    switch (key.code) {
        case Code::text:
        case Code::paste:
            search_->part += key.text;
            return search_again(std::min(search_->index + 1, history_.size()));
        case Code::search:
            return search_again(search_->index);
        case Code::backspace:
            search_->part.resize(previous_cluster(search_->part, search_->part.size()));
            return search_again(history_.size());
        case Code::abort:
        case Code::interrupt:
            replace(search_->draft);
            search_.reset();
            return;
        default:  // the line found is taken, and the key does to it what it always does
            search_.reset();
            handle(key, actions);
    }
}

void LineEditor::search_again(std::size_t before) {
    if (search_->part.empty()) {
        return;
    }
    const auto found = history_.search(search_->part, before);
    search_->failed = !found;
    if (found) {
        search_->index = *found;
        replace(history_.at(*found));
    }
}

void LineEditor::insert(std::string_view text) {
    if (text_.size() + text.size() <= text_max) {
        text_.insert(cursor_, text);
        cursor_ += text.size();
    }
}

void LineEditor::replace(std::string text) {
    text_ = std::move(text);
    cursor_ = text_.size();
}

void LineEditor::kill(std::size_t first, std::size_t last) {
    if (first < last) {
        killed_ = text_.substr(first, last - first);
        text_.erase(first, last - first);
        cursor_ = first;
    }
}

void LineEditor::transpose() {
    const std::size_t end = cursor_ == text_.size() ? cursor_ : next_stop();
    const std::size_t middle = previous_cluster(text_, end);
    const std::size_t start = previous_cluster(text_, middle);
    if (start < middle) {
        std::rotate(text_.begin() + static_cast<std::ptrdiff_t>(start),
                    text_.begin() + static_cast<std::ptrdiff_t>(middle),
                    text_.begin() + static_cast<std::ptrdiff_t>(end));
        cursor_ = end;
    }
}

std::size_t LineEditor::next_stop() const {
    return cursor_ + cluster_length(std::string_view(text_).substr(cursor_));
}

std::size_t LineEditor::word_start() const {
    std::size_t at = cursor_;
    while (at > 0 && is_blank(text_[at - 1])) {
        --at;
    }
    while (at > 0 && !is_blank(text_[at - 1])) {
        --at;
    }
    return at;
}

std::size_t LineEditor::word_end() const {
    std::size_t at = cursor_;
    while (at < text_.size() && is_blank(text_[at])) {
        ++at;
    }
    while (at < text_.size() && !is_blank(text_[at])) {
        ++at;
    }
    return at;
}

LineEditor::View LineEditor::view(std::string_view prompt, std::size_t columns) const {
    std::string line(prompt);
    if (search_) {
        line = std::string(search_->failed ? "(no '" : "(search '") + text::escape(search_->part) +
               "') ";
    }
    constexpr std::size_t room_min = 4;
    if (width(line) + room_min > columns) {
        line.clear();
    }
    const std::size_t room = std::max(columns, room_min) - width(line);
    const std::vector<Cell> cells = cells_of(text_);
    const std::size_t cursor = cells_of(before_cursor()).size();
    const std::size_t first = first_shown(cells, cursor, room);
    std::size_t used = first > 0 ? 1 : 0;
    line += first > 0 ? "<" : "";
    View seen{"", width(line)};
    for (std::size_t i = first; i < cells.size(); ++i) {
        const bool cut = used + columns_of(cells, i, cells.size()) >= room &&
                         used + cells[i].columns + 1 >= room;
        if (cut) {
            line += ">";
            break;
        }
        line += cells[i].drawn;
        used += cells[i].columns;
        if (i < cursor) {
            seen.cursor = width(line);
        }
    }
    seen.line = std::move(line);
    return seen;
}

}  // namespace shoal::cli
