// Keys: what a terminal sends, told apart. Sans-I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

struct Key {
    enum class Code {
        text,  // one character
        paste,
        enter,
        tab,
        backspace,
        erase,  // Delete
        left,
        right,
        up,
        down,
        home,
        end,
        word_left,
        word_right,
        erase_word_left,
        erase_word_right,
        kill_to_end,
        kill_to_start,
        yank,
        transpose,
        search,
        abort,
        interrupt,
        end_of_input,
        suspend,
        clear_screen,
    };
    Code code{};
    std::string text;  // text, paste
    friend bool operator==(const Key&, const Key&) = default;
};

// Bytes may come in any pieces: what is not whole yet waits. Sequences that mean nothing here
// and bytes that are not UTF-8 are swallowed.
class KeyDecoder {
  public:
    std::vector<Key> feed(std::string_view bytes);

  private:
    struct Step {
        std::size_t used{};  // 0: more bytes are needed
        std::vector<Key> keys;
    };
    Step next();
    Step next_escape();
    Step next_sequence();
    Step next_character();
    Step next_paste();

    std::string pending_;
    bool pasting_{false};
};

}  // namespace shoal::cli
