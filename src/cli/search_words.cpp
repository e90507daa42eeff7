#include "search_words.hpp"

#include <algorithm>
#include <vector>

#include "nearest.hpp"
#include "option_table.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::uint64_t wait_max = limits::search_wait_ms_max / 1000;

Error allowed(std::string what) { return {ErrorKind::bad_input, std::move(what)}; }

// Units as of rates, but no bits and nothing a second.
Status set_size(std::uint64_t& target, const std::string& value) {
    const auto size = text::parse_rate(value);
    if (!size || value == "off" || value.find("bit") != std::string::npos ||
        value.find('/') != std::string::npos) {
        return allowed("give a size such as 700MB, 4GiB or 1024");
    }
    target = *size;
    return {};
}

Status set_kind(SearchRequest& request, const std::string& value, peer::SearchOrder::Kind kind) {
    using Kind = peer::SearchOrder::Kind;
    if (value == "true" && request.order.kind != Kind::name_part && request.order.kind != kind) {
        return allowed("a question is a glob or a regular expression, not both");
    }
    request.order.kind = value == "true" ? kind : Kind::name_part;
    return {};
}

using Text = const std::string&;
constexpr SearchOption options_known[] = {
    {"glob", nullptr, "QUESTION is a pattern as of a shell: '*.iso'",
     [](SearchRequest& r, Text v) { return set_kind(r, v, peer::SearchOrder::Kind::glob); }},
    {"regex", nullptr, "QUESTION is a regular expression",
     [](SearchRequest& r, Text v) { return set_kind(r, v, peer::SearchOrder::Kind::regex); }},
    {"ext", "LIST", "only names that end so: txt, or jpg,png",
     [](SearchRequest& r, Text v) -> Status {
         r.order.extensions = v;
         return v.empty() ? Status(allowed("give txt, or jpg,png")) : Status();
     }},
    {"min", "SIZE", "only files of at least that size: 10MiB",
     [](SearchRequest& r, Text v) { return set_size(r.order.size_min, v); }},
    {"max", "SIZE", "only files of at most that size",
     [](SearchRequest& r, Text v) { return set_size(r.order.size_max, v); }},
    {"ttl", "N", "ask hosts up to N hops away, all at once (default: up to 7, in rings)",
     [](SearchRequest& r, Text v) -> Status {
         const auto ttl = text::parse_number(v, 1, limits::search_ttl_max);
         r.order.ttl = static_cast<unsigned>(ttl.value_or(1));
         r.order.widen = false;
         return ttl ? Status() : Status(allowed("give a whole number from 1 to 15"));
     }},
    {"wait", "SECONDS", "for that long at most (default: 4)",
     [](SearchRequest& r, Text v) -> Status {
         const auto seconds = text::parse_number(v, 1, wait_max);
         r.order.wait = std::chrono::seconds(seconds.value_or(1));
         return seconds ? Status() : Status(allowed("give a whole number from 1 to 60"));
     }},
    {"local", nullptr, "ask only the hosts that are known here",
     [](SearchRequest& r, Text v) -> Status {
         r.order.ttl = v == "true" ? 1 : r.order.ttl;
         r.order.widen = v != "true" && r.order.widen;
         return {};
     }},
    {"show-path", nullptr, "show by which hosts each result came",
     [](SearchRequest& r, Text v) -> Status {
         r.show_path = v == "true";
         return {};
     }},
};

const SearchOption* find(std::string_view name) {
    const auto* known = std::find_if(std::begin(options_known), std::end(options_known),
                                     [name](const SearchOption& one) { return name == one.name; });
    return known == std::end(options_known) ? nullptr : known;
}

std::vector<std::string> names() {
    std::vector<std::string> list{"json"};
    for (const SearchOption& option : options_known) {
        list.emplace_back(option.name);
    }
    return list;
}

std::string_view skip_blanks(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}

// The first word, without quotes around it, and what follows.
std::string take_word(std::string_view& rest) {
    rest = skip_blanks(rest);
    std::size_t end = rest.find_first_of(blanks);
    if (!rest.empty() && (rest[0] == '"' || rest[0] == '\'')) {
        const std::size_t close = rest.find(rest[0], 1);
        if (close != std::string_view::npos) {
            const std::string word(rest.substr(1, close - 1));
            rest.remove_prefix(close + 1);
            return word;
        }
    }
    end = std::min(end, rest.size());
    const std::string word(rest.substr(0, end));
    rest.remove_prefix(end);
    return word;
}

Status take_option(SearchRequest& request, const std::string& word, std::string_view& rest) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(2, equals - 2);
    if (name == "json") {
        request.json = true;
        return {};
    }
    const SearchOption* option = find(name);
    if (option == nullptr) {
        return allowed("'" + text::escape(word) + "' is no option of search" +
                       suggestion(name, names(), "--") +
                       "; a question that starts with '-' goes behind '--'");
    }
    std::string value = equals < word.size() ? word.substr(equals + 1) : "";
    if (option->argument == nullptr) {
        value = "true";
    } else if (equals == word.size()) {
        value = take_word(rest);
    }
    return set_search_option(request, name, value);
}

// One pair of quotes around the whole is taken off.
std::string unquoted(std::string_view text) {
    const std::size_t last = text.find_last_not_of(blanks);
    text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const bool quoted =
        text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
    return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

}  // namespace

std::span<const SearchOption> search_options() { return options_known; }

Status set_search_option(SearchRequest& request, std::string_view name, const std::string& value) {
    const SearchOption* option = find(name);
    const Status set =
        option == nullptr ? Status(allowed("no such option")) : option->set(request, value);
    return set ? set
               : Status(Error{ErrorKind::bad_input, "option '--" + std::string(name) + "': '" +
                                                        text::escape(value) + "' is not allowed; " +
                                                        set.error().message});
}

// Words that are no options are the question, with the blanks between them as they were.
Result<SearchRequest> parse_search_line(std::string_view rest) {
    SearchRequest request;
    std::string question;
    std::vector<std::string> given;
    rest = skip_blanks(rest);
    while (!rest.empty()) {
        if (rest.starts_with("--")) {
            const std::string word = take_word(rest);
            if (word == "--") {
                question += skip_blanks(rest);
                break;
            }
            if (const Status taken = take_option(request, word, rest); !taken) {
                return taken.error();
            }
            given.push_back(word.substr(2, word.find('=') - 2));
            rest = skip_blanks(rest);
            continue;
        }
        // Up to the next option, if any.
        std::size_t end = rest.find(" --");
        end = std::min(end, rest.size());
        const bool quote = rest[0] == '"' || rest[0] == '\'';
        const std::size_t close = quote ? rest.find(rest[0], 1) : std::string_view::npos;
        end = close == std::string_view::npos ? end : std::max(end, close + 1);
        question += rest.substr(0, end);
        rest = skip_blanks(rest.substr(end));
    }
    request.order.pattern = unquoted(question);
    const Status fits = check_pairs({}, {given.begin(), given.end()});
    const Status checked = fits ? check_search(request) : fits;
    return checked ? Result<SearchRequest>(request) : checked.error();
}

Status check_search(const SearchRequest& request) {
    const peer::SearchOrder& order = request.order;
    if (order.pattern.empty() && order.extensions.empty() && order.size_min == 0 &&
        order.size_max == UINT64_MAX) {
        return allowed("a question is missing; write: search PART-OF-A-NAME, or search --ext txt");
    }
    if (order.pattern.empty() && order.kind != peer::SearchOrder::Kind::name_part) {
        return allowed("a pattern is missing; write: search --glob '*.txt'");
    }
    if (order.size_min > order.size_max) {
        return allowed("--min is larger than --max");
    }
    return {};
}

}  // namespace shoal::cli
