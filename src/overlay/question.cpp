#include "shoal/overlay/question.hpp"

#include <algorithm>

#include "overlay/automaton.hpp"
#include "overlay/letters.hpp"
#include "shoal/base/text.hpp"

namespace shoal::overlay {

namespace {

std::string small_letters(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    return out;
}

std::vector<std::string> endings_of(std::string_view list) {
    std::vector<std::string> endings;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view word = list.substr(0, comma);
        word.remove_prefix(word.starts_with('.') ? 1 : 0);
        if (!word.empty()) {
            endings.push_back("." + small_letters(word));
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return endings;
}

std::string_view last_part(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

Result<Matcher> Matcher::make(const Question& question) {
    if (question.wire_size() > limits::search_question_max) {
        return Error{ErrorKind::bad_input, "a question has at most " +
                                               std::to_string(limits::search_question_max) +
                                               " bytes, its extensions included"};
    }
    if (!text::is_utf8(question.pattern) || question.pattern.find('\0') != std::string::npos) {
        return Error{ErrorKind::bad_input, "the question is not UTF-8 text"};
    }
    Matcher matcher;
    matcher.question_ = question;
    matcher.endings_ = endings_of(question.extensions);
    if (!question.extensions.empty() && matcher.endings_.empty()) {
        return Error{ErrorKind::bad_input, "an extension is missing: write txt, or jpg,png"};
    }
    if (question.kind == Question::Kind::name_part) {
        matcher.folded_ = folded(decode(question.pattern));
        return matcher;
    }
    const bool glob = question.kind == Question::Kind::glob;
    matcher.whole_path_ = !glob || question.pattern.find('/') != std::string::npos;
    Result<Automaton> automaton =
        glob ? compile_glob(question.pattern) : compile_regex(question.pattern);
    if (!automaton) {
        return automaton.error();
    }
    matcher.automaton_ = std::make_shared<const Automaton>(std::move(*automaton));
    return matcher;
}

bool Matcher::matches(std::string_view name, std::uint64_t size) const {
    if (size < question_.size_min || size > question_.size_max) {
        return false;
    }
    if (!endings_.empty()) {
        const std::string last = small_letters(last_part(name));
        if (std::none_of(endings_.begin(), endings_.end(),
                         [&last](const std::string& ending) { return last.ends_with(ending); })) {
            return false;
        }
    }
    if (!automaton_) {
        return folded(decode(name)).find(folded_) != std::u32string::npos;
    }
    return automaton_->found_in(decode(whole_path_ ? name : last_part(name)));
}

// A state costs a few nanoseconds a letter, and few of them are alive at a time as a rule; but a
// stranger's pattern keeps no rules.
std::uint64_t Matcher::cost(std::string_view name) const {
    constexpr std::uint64_t entry = 200;
    constexpr std::uint64_t per_letter = 10;
    const std::uint64_t states = automaton_ ? automaton_->program.size() : 1;
    return entry + name.size() * (per_letter + 4 * states);
}

}  // namespace shoal::overlay
