#include "completion.hpp"

#include <algorithm>

#include "prompt_line.hpp"
#include "shoal/base/text.hpp"
#include "width.hpp"

namespace shoal::cli {
namespace {

bool take_word(std::string_view& line, std::string_view word) {
    if (!line.starts_with(word)) {
        return false;
    }
    std::string_view rest = line.substr(word.size());
    const std::size_t start = rest.find_first_not_of(' ');
    if (!rest.starts_with(' ')) {
        return false;
    }
    line = start == std::string_view::npos ? std::string_view{} : rest.substr(start);
    return true;
}

// Where the name begins that is being typed; `bare` when no command stands before it.
std::string_view typed_name(std::string_view line, bool& bare) {
    const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(start);
    bare = true;
    for (const char* word : {"get", "list", "cancel"}) {
        if (take_word(line, word)) {
            bare = false;
            take_word(line, "--");
            break;
        }
    }
    if (line.starts_with('"') || line.starts_with('\'')) {
        line.remove_prefix(1);
        bare = false;
    }
    return line;
}

std::string common_start(const std::vector<std::string>& words) {
    std::string common = words.empty() ? "" : words.front();
    for (const std::string& word : words) {
        const auto differ = std::mismatch(common.begin(), common.end(), word.begin(), word.end());
        common.erase(differ.first, common.end());
    }
    // Half a character is none.
    while (!common.empty() && !text::is_utf8(common)) {
        common.pop_back();
    }
    return common;
}

}  // namespace

Completion complete(std::string_view before_cursor, const std::vector<std::string>& names) {
    bool bare = true;
    const std::string_view typed = typed_name(before_cursor, bare);
    Completion completion;
    const auto consider = [&](const std::vector<std::string>& words) {
        std::copy_if(words.begin(), words.end(), std::back_inserter(completion.matches),
                     [typed](const std::string& word) { return word.starts_with(typed); });
    };
    consider(names);
    if (bare) {
        consider(prompt_commands());
    }
    auto& matches = completion.matches;
    std::sort(matches.begin(), matches.end());
    matches.erase(std::unique(matches.begin(), matches.end()), matches.end());
    const std::string common = common_start(matches);
    completion.insert = common.substr(std::min(typed.size(), common.size()));
    return completion;
}

std::string match_table(const std::vector<std::string>& matches, std::size_t columns,
                        std::size_t rows_max) {
    std::vector<std::string> shown;
    std::size_t widest = 1;
    for (const std::string& match : matches) {
        shown.push_back(shorten(text::escape(match), columns - 1, "..."));
        widest = std::max(widest, width(shown.back()));
    }
    const std::size_t across = std::max<std::size_t>(1, columns / (widest + 2));
    std::string lines;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        if (i / across == rows_max) {
            return lines + "and " + std::to_string(shown.size() - i) + " more\n";
        }
        const bool last = i % across == across - 1 || i + 1 == shown.size();
        lines += last ? shown[i] + "\n" : pad(shown[i], widest + 2);
    }
    return lines;
}

}  // namespace shoal::cli
