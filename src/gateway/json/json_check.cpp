#include "gateway/json/json_check.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

constexpr std::size_t number_size_max = 300;  // characters; all digits of a double, and more

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
    const auto tail = [&](unsigned shift) {
        out += static_cast<char>(0x80U | ((code >> shift) & 0x3fU));
    };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0U | (code >> 6U));
        tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0U | (code >> 12U));
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0U | (code >> 18U));
        tail(12);
        tail(6);
        tail(0);
    }
}

// Descends with the text, json_depth_max levels at most. Each function leaves at_ behind what it
// took, or says why it did not.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    Status run() {
        skip_blanks();
        if (peek() != '{') {
            return fail("an object is wanted");
        }
        if (!value(1)) {
            return fail(why_);
        }
        skip_blanks();
        return at_ == text_.size() ? Status{} : fail("something follows the object");
    }

  private:
    Status fail(const char* why) const {
        return Error{ErrorKind::bad_input,
                     std::string(why) + " (at byte " + std::to_string(at_) + ")"};
    }
    bool refuse(const char* why) {
        why_ = why;
        return false;
    }

    // NUL at the end: it is no part of any token.
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char wanted) {
        if (peek() != wanted || at_ == text_.size()) {
            return false;
        }
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') {
            ++at_;
        }
    }

    bool value(std::size_t depth) {
        switch (peek()) {
            case '{':
                return depth <= json_depth_max ? object(depth) : refuse("nested too deeply");
            case '[':
                return depth <= json_depth_max ? array(depth) : refuse("nested too deeply");
            case '"':
                return string(nullptr);
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return number();
        }
    }

    bool object(std::size_t depth) {
        const std::size_t first_key = keys_.size();
        ++at_;
        skip_blanks();
        if (take('}')) {
            return true;
        }
        do {
            skip_blanks();
            if (!key()) {
                return false;
            }
            skip_blanks();
            if (!take(':')) {
                return refuse("a colon is wanted");
            }
            skip_blanks();
            if (!value(depth + 1)) {
                return false;
            }
            skip_blanks();
        } while (take(','));
        return take('}') ? keys_differ(first_key) : refuse("a comma or '}' is wanted");
    }

    bool array(std::size_t depth) {
        ++at_;
        skip_blanks();
        if (take(']')) {
            return true;
        }
        do {
            skip_blanks();
            if (!value(depth + 1)) {
                return false;
            }
            skip_blanks();
        } while (take(','));
        return take(']') || refuse("a comma or ']' is wanted");
    }

    bool key() {
        if (peek() != '"') {
            return refuse("a key in quotes is wanted");
        }
        const std::size_t begin = at_ + 1;
        std::string decoded;
        if (!string(&decoded)) {
            return false;
        }
        const std::string_view raw = text_.substr(begin, at_ - 1 - begin);
        keys_.push_back(raw.find('\\') == raw.npos ? raw
                                                   : decoded_.emplace_back(std::move(decoded)));
        return true;
    }

    // The keys from `first` on are those of the object that ends here.
    bool keys_differ(std::size_t first) {
        const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first);
        std::sort(begin, keys_.end());
        const bool twice = std::adjacent_find(begin, keys_.end()) != keys_.end();
        keys_.resize(first);
        return !twice || refuse("a key stands twice in an object");
    }

    // `decoded` gets the text without its escapes, if anybody wants it.
    bool string(std::string* decoded) {
        ++at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (static_cast<unsigned char>(c) < 0x20) {
                return refuse("a control character in a string");
            }
            if (c == '\\') {
                const auto code = escape();
                if (!code) {
                    return false;
                }
                if (decoded != nullptr) {
                    append_utf8(*decoded, *code);
                }
                continue;
            }
            if (decoded != nullptr) {
                *decoded += c;
            }
            ++at_;
        }
        return refuse("a string has no end");
    }

    std::optional<std::uint32_t> escape() {
        ++at_;
        static constexpr std::string_view signs = "\"\\/bfnrt";
        static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        const char sign = peek();
        if (sign == 'u') {
            return unicode_escape();
        }
        const std::size_t which = at_ < text_.size() ? signs.find(sign) : signs.npos;
        if (which == signs.npos) {
            refuse("an unknown escape");
            return std::nullopt;
        }
        ++at_;
        return static_cast<std::uint32_t>(meanings[which]);
    }

    std::optional<std::uint32_t> unicode_escape() {
        const auto high = four_digits();
        if (!high || *high == 0) {
            refuse(high ? "a NUL in a string" : "four hex digits are wanted");
            return std::nullopt;
        }
        if (*high < 0xd800 || *high > 0xdfff) {
            return high;
        }
        const bool pair = *high < 0xdc00 && take('\\') && peek() == 'u';
        const auto low = pair ? four_digits() : std::nullopt;
        if (!low || *low < 0xdc00 || *low > 0xdfff) {
            refuse("half of a surrogate pair");
            return std::nullopt;
        }
        return 0x10000 + ((*high - 0xd800) << 10U) + (*low - 0xdc00);
    }

    // Behind the 'u' that stands here.
    std::optional<std::uint32_t> four_digits() {
        const std::string_view digits = text_.substr(at_ + 1, 4);
        std::uint32_t code = 0;
        const auto [end, error] = std::from_chars(digits.begin(), digits.end(), code, 16);
        if (error != std::errc{} || end != digits.begin() + 4) {
            return std::nullopt;
        }
        at_ += 5;
        return code;
    }

    bool digits() {
        const std::size_t begin = at_;
        while (is_digit(peek())) {
            ++at_;
        }
        return at_ > begin;
    }

    bool number() {
        const std::size_t begin = at_;
        take('-');
        const bool whole = take('0') || digits();
        if (!whole) {
            return refuse("a value is wanted");
        }
        bool plain = true;
        if (take('.')) {
            plain = false;
            if (!digits()) {
                return refuse("a digit is wanted");
            }
        }
        if (take('e') || take('E')) {
            plain = false;
            static_cast<void>(take('+') || take('-'));
            const std::size_t exponent = at_;
            if (!digits()) {
                return refuse("a digit is wanted");
            }
            if (!fits_exponent(text_.substr(exponent, at_ - exponent))) {
                return refuse("a number out of range");
            }
        }
        const std::string_view all = text_.substr(begin, at_ - begin);
        const bool fits = all.size() < number_size_max && (plain || fits_double(all));
        return fits || refuse("a number out of range");
    }

    // The parser behind this one gives up beyond, also on "0e999"; of a small number with a huge
    // exponent it loses count.
    static bool fits_exponent(std::string_view digits) {
        int value = 0;
        const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
        return error == std::errc{} && end == digits.end() && value <= 308;
    }

    static bool fits_double(std::string_view digits) {
        double value = 0;
        const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
        return error == std::errc{} && end == digits.end();
    }

    bool word(std::string_view wanted) {
        if (text_.substr(at_, wanted.size()) != wanted) {
            return refuse("a value is wanted");
        }
        at_ += wanted.size();
        return true;
    }

    std::string_view text_;
    std::size_t at_{0};
    const char* why_{""};
    std::vector<std::string_view> keys_;  // of all open objects, outermost first
    std::deque<std::string> decoded_;     // those that had escapes; a deque keeps its places
};

}  // namespace

Status check_json(std::string_view text) {
    if (text.size() > json_bytes_max) {
        return Error{ErrorKind::bad_input, "it is longer than 1 MiB"};
    }
    if (!text::is_utf8(text)) {
        return Error{ErrorKind::bad_input, "it is not UTF-8"};
    }
    return Scanner(text).run();
}

}  // namespace shoal::gateway::json
