// Question and Matcher: what is looked for, and whether a file is it. Pure; any thread.
//
//   name_part  the pattern stands somewhere in the name (its path), letters in either case:
//              Latin, Greek and Cyrillic ones; an empty pattern stands in every name
//   glob       as a shell reads it, case and all: * ? [a-z] [!a-z] \x, and ** that crosses '/'.
//              Without a '/' it is held against the last part of the path, else against all of it
//   regex      found anywhere in the path; ^ and $ bind it; (?i) in front ignores case
// Patterns are run as automata (Thompson 1968), all states at once: time is linear in the name,
// and nothing a stranger writes makes it otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/limits.hpp"
#include "shoal/base/result.hpp"

namespace shoal::overlay {

struct Question {
    enum class Kind { name_part, glob, regex };
    Kind kind{Kind::name_part};
    std::string pattern;
    std::string extensions;  // "txt", "tar.gz,zip"; dots in front allowed, either case
    std::uint64_t size_min{0};
    std::uint64_t size_max{UINT64_MAX};

    // As it goes into a message.
    [[nodiscard]] std::size_t wire_size() const {
        return pattern.size() + (extensions.empty() ? 0 : 1 + extensions.size());
    }
};

class Automaton;

class Matcher {
  public:
    // The error says what is wrong with the pattern, and where.
    static Result<Matcher> make(const Question& question);

    [[nodiscard]] bool matches(std::string_view name, std::uint64_t size) const;
    // About how many nanoseconds that costs; for those who must divide their time.
    [[nodiscard]] std::uint64_t cost(std::string_view name) const;

  private:
    Question question_;
    std::u32string folded_;                         // name_part
    std::vector<std::string> endings_;              // ".txt", in lower case
    std::shared_ptr<const Automaton> automaton_{};  // glob, regex
    bool whole_path_{true};
};

}  // namespace shoal::overlay
