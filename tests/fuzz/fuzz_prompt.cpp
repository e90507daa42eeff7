// What a person or a pipe may type: keys through the line editor, lines through the parser.
// The text stays UTF-8, the cursor inside it, and what is drawn fits and is clean.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/history.hpp"
#include "cli/line_editor.hpp"
#include "cli/prompt_line.hpp"
#include "shoal/base/text.hpp"

namespace {

using namespace shoal;

constexpr std::size_t columns = 40;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const cli::LineEditor& editor) {
    require(text::is_utf8(editor.text()));
    require(editor.cursor() <= editor.text().size());
    require(text::is_utf8(editor.before_cursor()));
    const cli::LineEditor::View view = editor.view("shoal> ", columns);
    require(view.cursor <= columns);
    require(text::escape(view.line) == view.line);
}

void parse(const std::string& line) {
    const cli::PromptLine parsed = cli::parse_prompt_line(line);
    const bool wrong = parsed.verb == cli::PromptLine::Verb::wrong;
    require(wrong == !parsed.error.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    parse(std::string(bytes));
    cli::History history;
    cli::LineEditor editor(history);
    std::size_t begin = 0;
    while (begin < bytes.size()) {
        const std::size_t step = 1 + static_cast<std::uint8_t>(bytes[begin]) % 7;
        for (const auto& action : editor.feed(bytes.substr(begin, step))) {
            parse(action.text);
        }
        check(editor);
        begin += step;
    }
    return 0;
}
