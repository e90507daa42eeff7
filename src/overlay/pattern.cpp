#include "overlay/pattern.hpp"

#include <algorithm>

#include "overlay/letters.hpp"

namespace shoal::overlay {

namespace {

using Op = Automaton::Op;

std::uint16_t here(const Automaton& out) { return static_cast<std::uint16_t>(out.program.size()); }

bool put(Automaton& out, Op op, std::uint16_t x = 0, std::uint16_t y = 0) {
    if (out.program.size() >= Automaton::size_max) {
        return false;
    }
    out.program.push_back({op, x, y});
    return true;
}

// Text is folded before it is compared, so the sets must be, too.
LetterSet folded_set(LetterSet set) {
    constexpr char32_t scripts_end = 0x530;  // of ranges; a single letter may lie beyond
    std::vector<LetterSet::Range> more;
    for (const LetterSet::Range& range : set.ranges) {
        const char32_t last = std::min(range.last, std::max(range.first, scripts_end));
        for (char32_t one = range.first; one <= last; ++one) {
            if (const char32_t small = fold(one); small != one) {
                more.push_back({small, small});
            }
        }
    }
    set.ranges.insert(set.ranges.end(), more.begin(), more.end());
    return set;
}

}  // namespace

Result<Automaton> Pattern::compile(Node root, bool ignore_case) const {
    Automaton out;
    out.ignore_case = ignore_case;
    for (const LetterSet& set : sets_) {
        out.sets.push_back(ignore_case ? folded_set(set) : set);
    }
    if (!emit(out, root) || !put(out, Op::match)) {
        return Error{ErrorKind::bad_input, "the pattern repeats too much: it would need over " +
                                               std::to_string(Automaton::size_max) + " states"};
    }
    return out;
}

bool Pattern::emit(Automaton& out, Node node) const {
    const Part& part = parts_[node];
    switch (part.kind) {
        case Kind::letters:
            return put(out, Op::letters, static_cast<std::uint16_t>(part.first));
        case Kind::begin:
            return put(out, Op::begin);
        case Kind::end:
            return put(out, Op::end);
        case Kind::sequence:
            return part.first == 0 || (emit(out, part.left) && emit(out, part.right));
        case Kind::either:
            return emit_either(out, part);
        case Kind::repeat:
            return emit_repeat(out, part);
    }
    return false;
}

//      split a, b
//   a: left, jump end
//   b: right
bool Pattern::emit_either(Automaton& out, const Part& part) const {
    const std::uint16_t split = here(out);
    if (!put(out, Op::split) || !emit(out, part.left)) {
        return false;
    }
    const std::uint16_t jump = here(out);
    if (!put(out, Op::jump)) {
        return false;
    }
    out.program[split].x = static_cast<std::uint16_t>(split + 1);
    out.program[split].y = here(out);
    if (!emit(out, part.right)) {
        return false;
    }
    out.program[jump].x = here(out);
    return true;
}

// As often as it must be; then a loop, or as often as it may be, each time with a way out.
bool Pattern::emit_repeat(Automaton& out, const Part& part) const {
    for (std::uint32_t i = 0; i < part.first; ++i) {
        const std::uint16_t before = here(out);
        if (!emit(out, part.left)) {
            return false;
        }
        if (here(out) == before) {
            return true;  // nothing, however often: (){100}{100}{100} must not take for ever
        }
    }
    std::vector<std::uint16_t> ways_out;
    const std::uint32_t more = part.last == no_end ? 1 : part.last - part.first;
    for (std::uint32_t i = 0; i < more; ++i) {
        const std::uint16_t split = here(out);
        ways_out.push_back(split);
        if (!put(out, Op::split, static_cast<std::uint16_t>(split + 1)) || !emit(out, part.left) ||
            (part.last == no_end && !put(out, Op::jump, split))) {
            return false;
        }
    }
    for (const std::uint16_t split : ways_out) {
        out.program[split].y = here(out);
    }
    return true;
}

}  // namespace shoal::overlay
