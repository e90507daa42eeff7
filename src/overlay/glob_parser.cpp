// Globs: * ? [a-z] [!a-z] \x and ** as a pattern that is bound at both ends.
#include <optional>
#include <string>

#include "overlay/letters.hpp"
#include "overlay/pattern.hpp"

namespace shoal::overlay {

namespace {

const LetterSet no_slash{{{U'/', U'/'}}, true};

// What stands behind the '['; nullopt when no ']' closes it.
std::optional<LetterSet> bracket(const std::u32string& text, std::size_t& at) {
    std::size_t next = at;
    LetterSet set;
    if (next < text.size() && (text[next] == U'!' || text[next] == U'^')) {
        set.negated = true;
        set.ranges.push_back({U'/', U'/'});
        ++next;
    }
    for (bool first = true; next < text.size(); first = false) {
        if (text[next] == U']' && !first) {
            at = next + 1;
            return set;
        }
        next += text[next] == U'\\' && next + 1 < text.size() ? 1U : 0U;
        const char32_t low = text[next++];
        char32_t high = low;
        if (next + 1 < text.size() && text[next] == U'-' && text[next + 1] != U']') {
            high = text[next + 1];
            next += 2;
        }
        set.ranges.push_back({low, high});
    }
    return std::nullopt;
}

}  // namespace

Result<Automaton> compile_glob(std::string_view pattern) {
    const std::u32string text = decode(pattern);
    Pattern parts;
    Pattern::Node node = parts.begin();
    const auto append = [&](Pattern::Node next) { node = parts.sequence(node, next); };
    for (std::size_t at = 0; at < text.size();) {
        const char32_t sign = text[at++];
        if (sign == U'*') {
            const bool crosses = at < text.size() && text[at] == U'*';
            while (at < text.size() && text[at] == U'*') {
                ++at;
            }
            const Pattern::Node one = parts.letters(crosses ? LetterSet{{}, true} : no_slash);
            append(parts.repeat(one, 0, Pattern::no_end));
        } else if (sign == U'?') {
            append(parts.letters(no_slash));
        } else if (sign == U'[') {
            auto set = bracket(text, at);
            append(set ? parts.letters(std::move(*set)) : parts.letter(sign));
        } else if (sign == U'\\' && at < text.size()) {
            append(parts.letter(text[at++]));
        } else {
            append(parts.letter(sign));
        }
    }
    append(parts.end());
    return parts.compile(node, false);
}

}  // namespace shoal::overlay
