// Automaton: a pattern compiled, run with all its states at once (Thompson 1968, Pike): one
// pass over the text, each state at most once a letter.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "shoal/base/result.hpp"

namespace shoal::overlay {

// A set of letters.
struct LetterSet {
    struct Range {
        char32_t first, last;
    };
    std::vector<Range> ranges;
    bool negated{false};

    [[nodiscard]] bool contains(char32_t letter) const;
};

class Automaton {
  public:
    static constexpr std::size_t size_max = 512;  // instructions

    enum class Op : std::uint8_t { letters, split, jump, begin, end, match };
    struct Instruction {
        Op op{};
        std::uint16_t x{};  // letters: which set; split, jump: where to
        std::uint16_t y{};  // split: or there
    };

    std::vector<Instruction> program;
    std::vector<LetterSet> sets;
    bool ignore_case{false};

    // Whether it is found anywhere in `text`; begin and end instructions bind it.
    [[nodiscard]] bool found_in(std::u32string_view text) const;
};

// A '/' in the pattern, or not, is the caller's matter.
Result<Automaton> compile_glob(std::string_view pattern);
Result<Automaton> compile_regex(std::string_view pattern);

}  // namespace shoal::overlay
