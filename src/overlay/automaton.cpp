#include "overlay/automaton.hpp"

#include <algorithm>

#include "overlay/letters.hpp"

namespace shoal::overlay {

namespace {

// States to be looked at, each once a letter.
class StateList {
  public:
    explicit StateList(std::size_t states) : marks_(states, 0) {}
    void begin(std::uint32_t step) {
        step_ = step;
        states_.clear();
    }
    // False when it is there already.
    bool add(std::uint16_t state) {
        if (marks_[state] == step_) {
            return false;
        }
        marks_[state] = step_;
        states_.push_back(state);
        return true;
    }
    [[nodiscard]] const std::vector<std::uint16_t>& states() const { return states_; }

  private:
    std::vector<std::uint32_t> marks_;
    std::vector<std::uint16_t> states_;
    std::uint32_t step_{0};
};

class Run {
  public:
    Run(const Automaton& automaton, std::u32string_view text)
        : automaton_(automaton),
          text_(text),
          now_(automaton.program.size()),
          next_(automaton.program.size()) {}

    bool find() {
        now_.begin(1);
        for (std::size_t at = 0;; ++at) {
            if (enter(now_, 0, at)) {  // a match may begin at every letter
                return true;
            }
            if (at == text_.size()) {
                return false;
            }
            next_.begin(static_cast<std::uint32_t>(at) + 2);
            if (step(at)) {
                return true;
            }
            std::swap(now_, next_);
        }
    }

  private:
    // Adds a state and all that are reached from it without a letter. True: one of them matches.
    bool enter(StateList& list, std::uint16_t state, std::size_t at) {
        open_.assign(1, state);
        while (!open_.empty()) {
            const std::uint16_t index = open_.back();
            open_.pop_back();
            if (!list.add(index)) {
                continue;
            }
            const auto& instruction = automaton_.program[index];
            const auto following = static_cast<std::uint16_t>(index + 1);
            switch (instruction.op) {
                case Automaton::Op::match:
                    return true;
                case Automaton::Op::jump:
                    open_.push_back(instruction.x);
                    break;
                case Automaton::Op::split:
                    open_.push_back(instruction.x);
                    open_.push_back(instruction.y);
                    break;
                case Automaton::Op::begin:
                    if (at == 0) {
                        open_.push_back(following);
                    }
                    break;
                case Automaton::Op::end:
                    if (at == text_.size()) {
                        open_.push_back(following);
                    }
                    break;
                case Automaton::Op::letters:
                    break;
            }
        }
        return false;
    }

    bool step(std::size_t at) {
        const char32_t letter = automaton_.ignore_case ? fold(text_[at]) : text_[at];
        for (const std::uint16_t state : now_.states()) {
            const auto& instruction = automaton_.program[state];
            if (instruction.op == Automaton::Op::letters &&
                automaton_.sets[instruction.x].contains(letter) &&
                enter(next_, static_cast<std::uint16_t>(state + 1), at + 1)) {
                return true;
            }
        }
        return false;
    }

    const Automaton& automaton_;
    std::u32string_view text_;
    StateList now_;
    StateList next_;
    std::vector<std::uint16_t> open_;
};

}  // namespace

bool LetterSet::contains(char32_t letter) const {
    const bool inside = std::any_of(ranges.begin(), ranges.end(), [letter](const Range& range) {
        return letter >= range.first && letter <= range.last;
    });
    return inside != negated;
}

bool Automaton::found_in(std::u32string_view text) const { return Run(*this, text).find(); }

}  // namespace shoal::overlay
