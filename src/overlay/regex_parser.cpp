// Regular expressions: letters, . [] [^] \d \w \s and their capitals, \t, \ before any other sign,
// * + ? {m} {m,} {m,n}, | ( ) (?: ), ^ $, (?i) in front. A '?' behind a repeat is read over: which
// match is found does not matter here, only whether there is one.
#include <optional>
#include <string>

#include "overlay/letters.hpp"
#include "overlay/pattern.hpp"

namespace shoal::overlay {

namespace {

constexpr std::uint32_t repeat_max = 100;
constexpr int depth_max = 32;

class RegexParser {
  public:
    explicit RegexParser(std::u32string text) : text_(std::move(text)) {}

    Result<Automaton> parse() {
        bool ignore_case = false;
        if (text_.starts_with(U"(?i)")) {
            ignore_case = true;
            at_ = 4;
        }
        const Pattern::Node root = alternatives();
        if (why_.empty() && !over()) {
            fail("a ')' closes nothing");
        }
        if (!why_.empty()) {
            return Error{ErrorKind::bad_input, "the pattern is wrong at its sign " +
                                                   std::to_string(where_ + 1) + ": " + why_};
        }
        return pattern_.compile(root, ignore_case);
    }

  private:
    [[nodiscard]] bool over() const { return at_ >= text_.size() || !why_.empty(); }
    [[nodiscard]] bool next_is(char32_t sign) const { return !over() && text_[at_] == sign; }
    bool take(char32_t sign) {
        const bool taken = next_is(sign);
        at_ += taken ? 1U : 0U;
        return taken;
    }
    Pattern::Node fail(const char* why) {
        if (why_.empty()) {
            why_ = why;
            where_ = at_;
        }
        return pattern_.nothing();
    }

    Pattern::Node alternatives() {
        if (++depth_ > depth_max) {
            return fail("brackets are nested too deep");
        }
        Pattern::Node node = sequence();
        while (take(U'|')) {
            const Pattern::Node other = sequence();
            node = pattern_.either(node, other);
        }
        --depth_;
        return node;
    }

    Pattern::Node sequence() {
        Pattern::Node node = pattern_.nothing();
        while (!over() && !next_is(U'|') && !next_is(U')')) {
            const Pattern::Node next = repeated();
            node = pattern_.sequence(node, next);
        }
        return node;
    }

    Pattern::Node repeated() {
        Pattern::Node node = single();
        while (!over()) {
            if (take(U'*')) {
                node = pattern_.repeat(node, 0, Pattern::no_end);
            } else if (take(U'+')) {
                node = pattern_.repeat(node, 1, Pattern::no_end);
            } else if (take(U'?')) {
                node = pattern_.repeat(node, 0, 1);
            } else if (next_is(U'{')) {
                node = counted(node);
            } else {
                break;
            }
            take(U'?');
        }
        return node;
    }

    std::optional<std::uint32_t> number() {
        std::uint32_t value = 0;
        const std::size_t begin = at_;
        while (!over() && text_[at_] >= U'0' && text_[at_] <= U'9' && value <= repeat_max) {
            value = value * 10 + static_cast<std::uint32_t>(text_[at_++] - U'0');
        }
        return at_ == begin ? std::nullopt : std::optional(value);
    }

    Pattern::Node counted(Pattern::Node what) {
        take(U'{');
        const auto least = number();
        auto most = least;
        if (take(U',')) {
            most = next_is(U'}') ? std::optional(Pattern::no_end) : number();
        }
        if (!least || !most || !take(U'}')) {
            return fail("write {2}, {2,} or {2,5}; for the sign itself \\{");
        }
        if (*least > repeat_max || (*most > repeat_max && *most != Pattern::no_end) ||
            *most < *least) {
            return fail("a count is 0 to 100, the smaller one first");
        }
        return pattern_.repeat(what, *least, *most);
    }

    Pattern::Node single() {
        const char32_t sign = text_[at_++];
        switch (sign) {
            case U'(':
                return group();
            case U'[':
                return bracket();
            case U'.':
                return pattern_.letters({{}, true});
            case U'^':
                return pattern_.begin();
            case U'$':
                return pattern_.end();
            case U'\\':
                return escaped();
            case U'*':
            case U'+':
            case U'?':
            case U'{':
                --at_;
                return fail("there is nothing before it to repeat");
            default:
                return pattern_.letter(sign);
        }
    }

    Pattern::Node group() {
        if (take(U'?') && !take(U':')) {
            return fail("of (?...) only (?:...) is known, and (?i) in front");
        }
        const Pattern::Node inside = alternatives();
        return take(U')') || !why_.empty() ? inside : fail("a ')' is missing");
    }

    // \d and the like; false: it is the sign itself.
    static bool named_set(char32_t sign, LetterSet& set) {
        switch (fold(sign)) {
            case U'd':
                set.ranges = {{U'0', U'9'}};
                break;
            case U'w':
                set.ranges = {{U'a', U'z'}, {U'A', U'Z'}, {U'0', U'9'}, {U'_', U'_'}};
                break;
            case U's':
                set.ranges = {{U' ', U' '}, {U'\t', U'\r'}};
                break;
            default:
                return false;
        }
        set.negated = fold(sign) != sign;
        return true;
    }

    static bool is_plain(char32_t sign) {
        return (sign >= U'a' && sign <= U'z') || (sign >= U'A' && sign <= U'Z') ||
               (sign >= U'0' && sign <= U'9');
    }

    Pattern::Node escaped() {
        if (over()) {
            return fail("a \\ stands alone at the end");
        }
        LetterSet set;
        const char32_t sign = text_[at_++];
        if (named_set(sign, set)) {
            return pattern_.letters(std::move(set));
        }
        if (sign == U't') {
            return pattern_.letter(U'\t');
        }
        if (is_plain(sign)) {
            --at_;
            return fail("no \\ is known with that letter or digit; back references are not");
        }
        return pattern_.letter(sign);
    }

    Pattern::Node bracket() {
        LetterSet set;
        set.negated = take(U'^');
        bool first = true;
        while (!over() && (first || !next_is(U']'))) {
            first = false;
            if (!bracket_part(set)) {
                return fail("write [a-z0-9_]; for a ']' or '\\' inside, put a \\ before it");
            }
        }
        return take(U']') ? pattern_.letters(std::move(set)) : fail("a ']' is missing");
    }

    bool bracket_part(LetterSet& set) {
        LetterSet named;
        char32_t low = text_[at_++];
        if (low == U'\\') {
            if (over()) {
                return false;
            }
            low = text_[at_++];
            if (named_set(low, named)) {
                set.ranges.insert(set.ranges.end(), named.ranges.begin(), named.ranges.end());
                return !named.negated;
            }
        }
        char32_t high = low;
        if (next_is(U'-') && at_ + 1 < text_.size() && text_[at_ + 1] != U']') {
            high = text_[at_ + 1];
            at_ += 2;
            if (high == U'\\' && !over()) {
                high = text_[at_++];
            }
        }
        set.ranges.push_back({low, high});
        return low <= high;
    }

    std::u32string text_;
    std::size_t at_{0};
    int depth_{0};
    Pattern pattern_;
    std::string why_;
    std::size_t where_{0};
};

}  // namespace

Result<Automaton> compile_regex(std::string_view pattern) {
    return RegexParser(decode(pattern)).parse();
}

}  // namespace shoal::overlay
