#include "found.hpp"

#include <algorithm>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t number_max = 1000;

std::optional<std::size_t> take_number(std::string_view& text) {
    text.remove_prefix(text.starts_with('#') ? 1 : 0);
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = text::parse_number(text.substr(0, end), 1, number_max);
    text.remove_prefix(end);
    return number ? std::optional<std::size_t>(*number) : std::nullopt;
}

peer::VersionInfo version_of(const peer::FoundFile& file) {
    peer::VersionInfo version{file.size, file.root, {}, {}};
    for (const peer::FoundHost& host : file.hosts) {
        (host.whole ? version.complete : version.partial).push_back(host.host);
    }
    return version;
}

bool has_name(const peer::FoundFile& file, const std::string& name) {
    return file.name == name || file.name.ends_with("/" + name);
}

}  // namespace

std::optional<std::vector<std::size_t>> parse_numbers(std::string_view text) {
    if (!text.starts_with('#')) {
        return std::nullopt;
    }
    std::vector<std::size_t> numbers;
    while (true) {
        const auto first = take_number(text);
        auto last = first;
        if (text.starts_with('-')) {
            text.remove_prefix(1);
            last = take_number(text);
        }
        if (!first || !last || *last < *first) {
            return std::nullopt;
        }
        for (std::size_t number = *first; number <= *last; ++number) {
            if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
                numbers.push_back(number);
            }
        }
        if (text.empty()) {
            return numbers;
        }
        const std::size_t next = text.find_first_not_of(", ");
        if (next == 0 || next == std::string_view::npos) {
            return std::nullopt;
        }
        text.remove_prefix(next);
    }
}

bool looks_like_numbers(std::string_view text) {
    return text.size() > 1 && text[0] == '#' && text[1] >= '0' && text[1] <= '9' &&
           text.find_first_not_of("#0123456789-, ") == std::string_view::npos;
}

// A question is shorter than a path may be; the end of a name tells more than its beginning.
peer::SearchOrder search_for_name(const std::string& name) {
    peer::SearchOrder order;
    std::size_t begin =
        name.size() - std::min<std::size_t>(name.size(), limits::search_question_max);
    while (begin < name.size() && !text::is_utf8(std::string_view(name).substr(begin))) {
        ++begin;
    }
    order.pattern = name.substr(begin);
    return order;
}

Choice choose(const peer::SearchResults& results, const std::string& name,
              const std::string& root_prefix) {
    std::vector<const peer::FoundFile*> fitting;
    Choice choice;
    for (const peer::FoundFile& file : results.files) {
        if (has_name(file, name) && file.pending) {
            choice.pending = choice.pending != nullptr ? choice.pending : &file;
        } else if (has_name(file, name) && file.root.starts_with(root_prefix)) {
            fitting.push_back(&file);
        }
    }
    choice.pending = fitting.empty() ? choice.pending : nullptr;
    const std::vector<const peer::FoundFile*> leaders = peer::most_held(fitting);
    if (leaders.size() == 1) {
        choice.file = leaders.front();
        std::stable_partition(fitting.begin(), fitting.end(),
                              [&](const auto* file) { return file == choice.file; });
    } else {
        fitting = leaders;
    }
    std::transform(fitting.begin(), fitting.end(), std::back_inserter(choice.versions),
                   [](const peer::FoundFile* file) { return version_of(*file); });
    return choice;
}

}  // namespace shoal::cli
