#include "prompt_line.hpp"

#include <array>

#include "found.hpp"
#include "nearest.hpp"
#include "option_table.hpp"
#include "search_words.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

using Verb = PromptLine::Verb;

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

struct Split {
    std::string_view word, rest;
};

Split split_word(std::string_view text) {
    text = trimmed(text);
    const std::size_t end = text.find_first_of(blanks);
    return end == std::string_view::npos ? Split{text, {}}
                                         : Split{text.substr(0, end), trimmed(text.substr(end))};
}

PromptLine wrong(std::string error) {
    PromptLine line;
    line.verb = Verb::wrong;
    line.error = std::move(error);
    return line;
}

// "NAME", 'NAME' and "NAME"@ROOT; nullopt when the text is not quoted as a whole.
std::optional<Wanted> quoted(std::string_view text) {
    if (text.size() < 2 || (text[0] != '"' && text[0] != '\'')) {
        return std::nullopt;
    }
    const std::size_t close = text.rfind(text[0]);
    if (close == text.size() - 1) {
        return wanted_literally(text.substr(1, close - 1));
    }
    const Wanted split = wanted(text);
    if (close == 0 || split.root_prefix.empty() || split.name.size() != close + 1) {
        return std::nullopt;
    }
    Wanted inner = wanted_literally(text.substr(1, close - 1));
    inner.root_prefix = split.root_prefix;
    return inner;
}

PromptLine file_line(std::string_view name) {
    PromptLine line;
    line.verb = Verb::get;
    const auto inside = quoted(name);
    line.wanted = inside ? *inside : wanted(name);
    return line.wanted.name.empty() ? wrong("a name is missing; write: get NAME") : line;
}

PromptLine get_line(std::string_view name) {
    PromptLine line;
    if (auto numbers = parse_numbers(name)) {
        line.verb = Verb::get_found;
        line.numbers = std::move(*numbers);
        return line;
    }
    if (looks_like_numbers(name)) {
        return wrong("'" + text::escape(name) +
                     "' is no result of a search: write #3, #1-9 or #1,#4; for a file of that "
                     "name: get -- " +
                     text::escape(name));
    }
    return file_line(name);
}

// After a command's word: "--" ends options.
PromptLine parse_get(std::string_view rest) {
    const Split first = split_word(rest);
    if (first.word == "--") {
        return file_line(first.rest);
    }
    if (first.word == "--plan" || first.word == "--explain") {
        PromptLine line = parse_get(first.rest);
        (first.word == "--plan" ? line.plan : line.explain) = true;
        const Status fits =
            line.plan && line.explain ? check_pairs({}, {"plan", "explain"}) : Status{};
        return fits ? line : wrong(fits.error().message);
    }
    if (first.word.starts_with('-') && first.word.size() > 1) {
        return wrong("'" + text::escape(first.word) +
                     "' is no option of get: those are --plan and --explain; for a name that "
                     "starts with '-' write: get -- " +
                     text::escape(rest));
    }
    return get_line(rest);
}

PromptLine with_argument(Verb verb, std::string_view rest) {
    const Split first = split_word(rest);
    PromptLine line;
    line.verb = verb;
    const std::string_view argument = first.word == "--" ? first.rest : rest;
    const auto inside = quoted(argument);
    line.argument = inside ? inside->name : std::string(argument);
    return line;
}

PromptLine without_argument(Verb verb, std::string_view word, std::string_view rest) {
    if (rest.empty()) {
        PromptLine line;
        line.verb = verb;
        return line;
    }
    const std::string command(word);
    return wrong("'" + command + "' takes nothing behind it; to fetch a file of that name write: " +
                 "get " + command + " " + text::escape(rest));
}

PromptLine parse_limit(std::string_view rest) {
    PromptLine line;
    line.verb = Verb::limit;
    if (rest.empty()) {
        return line;
    }
    const auto [way, word] = split_word(rest);
    if ((way != "up" && way != "down") || word.empty()) {
        return wrong("write: limit, limit up RATE, or limit down RATE");
    }
    const auto rate = text::parse_rate(word);
    if (!rate) {
        return wrong(rate.error().message);
    }
    (way == "up" ? line.up : line.down) = *rate;
    return line;
}

struct CommandHelp {
    std::string_view word, usage, meaning;
    Verb verb;
};

PromptLine parse_search(std::string_view rest) {
    const auto request = parse_search_line(rest);
    if (!request) {
        return wrong(request.error().message);
    }
    PromptLine line;
    line.verb = Verb::search;
    line.search = *request;
    return line;
}

constexpr std::array<CommandHelp, 12> commands{{
    {"get", "get NAME, get NAME@ROOT, get FOLDER/",
     "fetches it; a line that is no command does too", Verb::get},
    {"get", "get #3, get #1-9", "fetches results of the last search", Verb::get},
    {"get", "get --plan NAME", "tells who holds what of it; fetches nothing", Verb::get},
    {"get", "get --explain NAME", "fetches it, and tells where the time went", Verb::get},
    {"search", "search QUESTION [OPTION...]", "asks hosts beyond those known here", Verb::search},
    {"list", "list [PREFIX]", "what the swarm holds", Verb::list},
    {"peers", "peers", "the hosts, and what went to and from them", Verb::peers},
    {"status", "status", "how this peer fares", Verb::status},
    {"limit", "limit [up RATE | down RATE]", "shows or sets the limits: 16MiB, 100Mbit, off",
     Verb::limit},
    {"cancel", "cancel [NAME | NUMBER]", "stops one download, or all; what is here is kept",
     Verb::cancel},
    {"help", "help [COMMAND]", "this", Verb::help},
    {"quit", "quit", "ends; what is here is kept", Verb::quit},
}};

std::string help_line(std::string_view usage, std::string_view meaning) {
    constexpr std::size_t column = 40;
    std::string line = "  " + std::string(usage);
    line.append(line.size() < column ? column - line.size() : 1, ' ');
    return line + std::string(meaning) + "\n";
}

std::string search_help() {
    std::string lines;
    for (const SearchOption& option : search_options()) {
        const std::string value = option.argument ? std::string(" ") + option.argument : "";
        lines += help_line("--" + std::string(option.name) + value, option.help);
    }
    return lines + help_line("--json", "the results as one JSON object");
}

PromptLine parse_command(const CommandHelp& command, std::string_view rest) {
    switch (command.verb) {
        case Verb::get:
            return parse_get(rest);
        case Verb::list:
        case Verb::cancel:
        case Verb::help:
            return with_argument(command.verb, rest);
        case Verb::search:
            return parse_search(rest);
        case Verb::limit:
            return parse_limit(rest);
        default:
            return without_argument(command.verb, command.word, rest);
    }
}

}  // namespace

PromptLine parse_prompt_line(std::string_view line) {
    const std::string_view text = trimmed(line);
    if (text.empty()) {
        return {};
    }
    const Split first = split_word(text);
    for (const CommandHelp& command : commands) {
        if (first.word == command.word) {
            return parse_command(command, first.rest);
        }
    }
    return get_line(text);
}

std::vector<std::string> prompt_commands() {
    std::vector<std::string> words;
    for (const CommandHelp& command : commands) {
        if (words.empty() || words.back() != command.word) {
            words.emplace_back(command.word);
        }
    }
    return words;
}

std::string prompt_help(std::string_view word) {
    std::string lines;
    for (const CommandHelp& command : commands) {
        lines +=
            word.empty() || word == command.word ? help_line(command.usage, command.meaning) : "";
    }
    if (lines.empty()) {
        return "'" + text::escape(word) + "' is no command" + suggestion(word, prompt_commands()) +
               "\n";
    }
    if (word == "search") {
        lines += search_help();
    }
    return word.empty() ? "A line is a filename, unless its first word is a command:\n" + lines +
                              "'get -- list' fetches a file called list; quotes keep blanks. "
                              "'help search' has its options.\n"
                        : lines;
}

}  // namespace shoal::cli
