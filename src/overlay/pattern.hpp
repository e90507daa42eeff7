// Pattern: the tree of a pattern, and the program made of it.
#pragma once

#include <cstdint>
#include <vector>

#include "overlay/automaton.hpp"

namespace shoal::overlay {

class Pattern {
  public:
    using Node = std::uint32_t;
    static constexpr std::uint32_t no_end = UINT32_MAX;

    Node nothing() { return add({Kind::sequence, {}, {}, 0, 0}); }
    Node letters(LetterSet set) {
        sets_.push_back(std::move(set));
        return add({Kind::letters, {}, {}, static_cast<std::uint32_t>(sets_.size() - 1), 0});
    }
    Node letter(char32_t one) { return letters({{{one, one}}, false}); }
    Node begin() { return add({Kind::begin, {}, {}, 0, 0}); }
    Node end() { return add({Kind::end, {}, {}, 0, 0}); }
    Node sequence(Node left, Node right) { return add({Kind::sequence, left, right, 2, 0}); }
    Node either(Node left, Node right) { return add({Kind::either, left, right, 0, 0}); }
    Node repeat(Node what, std::uint32_t least, std::uint32_t most) {
        return add({Kind::repeat, what, what, least, most});
    }

    // An error when the program would be too large.
    [[nodiscard]] Result<Automaton> compile(Node root, bool ignore_case) const;

  private:
    enum class Kind { letters, begin, end, sequence, either, repeat };
    struct Part {
        Kind kind{};
        Node left{}, right{};
        std::uint32_t first{};  // letters: which set; sequence: how many; repeat: at least
        std::uint32_t last{};   // repeat: at most
    };
    Node add(const Part& part) {
        parts_.push_back(part);
        return static_cast<Node>(parts_.size() - 1);
    }
    // False: too large.
    bool emit(Automaton& out, Node node) const;
    bool emit_repeat(Automaton& out, const Part& part) const;
    bool emit_either(Automaton& out, const Part& part) const;

    std::vector<Part> parts_;
    std::vector<LetterSet> sets_;
};

}  // namespace shoal::overlay
