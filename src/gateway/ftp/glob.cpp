#include "gateway/ftp/glob.hpp"

#include <cstddef>
#include <cstdint>

namespace shoal::gateway::ftp {
namespace {

constexpr std::size_t none = std::string_view::npos;

std::size_t character_length(std::string_view text) {
    std::size_t length = 1;
    while (length < text.size() && (static_cast<std::uint8_t>(text[length]) & 0xc0U) == 0x80U) {
        ++length;
    }
    return length;
}

// The length of the set that `pattern` begins with, none when it is not closed.
std::size_t set_length(std::string_view pattern) {
    const std::size_t first = pattern.size() > 1 && pattern[1] == '!' ? 2 : 1;
    const std::size_t end = pattern.find(']', first + 1);  // a ']' at once is a member
    return end == none ? none : end + 1;
}

bool set_holds(std::string_view set, char sign) {  // with its brackets
    const bool negated = set[1] == '!';
    bool found = false;
    for (std::size_t i = negated ? 2 : 1; i + 1 < set.size(); ++i) {
        const bool range = i + 3 < set.size() && set[i + 1] == '-';
        const char last = range ? set[i + 2] : set[i];
        found = found || (set[i] <= sign && sign <= last);
        i += range ? 2 : 0;
    }
    return found != negated;
}

struct Step {
    std::size_t pattern{none};
    std::size_t name{};
};

// What one element of the pattern, not a star, takes of the name.
Step match_one(std::string_view pattern, std::string_view name) {
    if (pattern.front() == '?') {
        return {1, character_length(name)};
    }
    if (pattern.front() == '[') {
        if (const std::size_t length = set_length(pattern); length != none) {
            return set_holds(pattern.substr(0, length), name.front()) ? Step{length, 1} : Step{};
        }
    }
    return pattern.front() == name.front() ? Step{1, 1} : Step{};
}

}  // namespace

bool has_wildcard(std::string_view pattern) { return pattern.find_first_of("*?[") != none; }

// Only the last star needs to be taken back: a match that an earlier one allows, it finds too.
bool glob_matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = none;
    std::size_t star_name = 0;
    while (n < name.size()) {
        Step step;
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_name = n;
            continue;
        }
        if (p < pattern.size()) {
            step = match_one(pattern.substr(p), name.substr(n));
        }
        if (step.pattern != none) {
            p += step.pattern;
            n += step.name;
        } else if (star != none) {
            p = star;
            n = ++star_name;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == none;
}

}  // namespace shoal::gateway::ftp
