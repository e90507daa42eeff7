// LineEditor: one line of text under the user's keys, in the way of Emacs and readline.
//
// Sans-I/O: bytes of the terminal in, actions out; view() says what to draw. The text is UTF-8
// and the cursor always stands between characters, marks stay with what they stand on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "history.hpp"
#include "keys.hpp"

namespace shoal::cli {

class LineEditor {
  public:
    // The history outlives it.
    explicit LineEditor(History& history) : history_(history) {}

    struct Action {
        enum class Kind {
            line,          // Enter: the text; the line is empty again
            complete,      // Tab
            interrupt,     // Ctrl-C on an empty line; on any other it only empties it
            end_of_input,  // Ctrl-D on an empty line
            suspend,
            clear_screen,
        };
        Kind kind{};
        std::string text;
    };
    std::vector<Action> feed(std::string_view bytes);

    void insert(std::string_view text);
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::size_t cursor() const { return cursor_; }  // bytes
    [[nodiscard]] std::string_view before_cursor() const {
        return std::string_view(text_).substr(0, cursor_);
    }

    struct View {
        std::string line;
        std::size_t cursor{};  // column
    };
    // `prompt` and the part of the text around the cursor, at most `columns` wide; '<' and '>'
    // say that there is more. What must not reach a terminal is escaped.
    [[nodiscard]] View view(std::string_view prompt, std::size_t columns) const;

  private:
    void handle(const Key& key, std::vector<Action>& actions);
    bool handle_action(Key::Code code, std::vector<Action>& actions);
    bool handle_motion(Key::Code code);
    bool handle_change(Key::Code code);
    void handle_search(const Key& key, std::vector<Action>& actions);
    void search_again(std::size_t before);
    void replace(std::string text);
    void kill(std::size_t first, std::size_t last);
    void transpose();
    [[nodiscard]] std::size_t word_start() const;
    [[nodiscard]] std::size_t word_end() const;
    [[nodiscard]] std::size_t next_stop() const;

    History& history_;
    KeyDecoder decoder_;
    std::string text_;
    std::size_t cursor_{0};
    std::string killed_;

    struct Search {
        std::string part;
        std::size_t index;  // of the line that is shown, or the history's size
        std::string draft;  // what stood in the editor before
        bool failed{false};
    };
    std::optional<Search> search_;
};

}  // namespace shoal::cli
