#include "nearest.hpp"

#include <algorithm>

namespace shoal::cli {
namespace {

constexpr std::size_t word_max = 64;  // longer ones are no mistyped words

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> cost((a.size() + 1) * width);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
        return cost[i * width + j];
    };
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                at(i, j) = i + j;
                continue;
            }
            const std::size_t replaced = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
            at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replaced});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) {
                at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
            }
        }
    }
    return at(a.size(), b.size());
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
    std::optional<std::string> best;
    std::size_t best_distance = 0;
    if (word.size() > word_max) {
        return best;
    }
    for (const std::string& one : known) {
        const std::size_t distance = edit_distance(word, one);
        const bool close = distance <= std::max<std::size_t>(1, one.size() / 3);
        if (close && (!best || distance < best_distance)) {
            best = one;
            best_distance = distance;
        }
    }
    return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known,
                       std::string_view prefix) {
    const auto meant = nearest(word, known);
    return meant ? "; did you mean '" + std::string(prefix) + *meant + "'?" : "";
}

}  // namespace shoal::cli
