#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/swarm/version_vote.hpp"

namespace shoal::swarm {

namespace {

constexpr std::size_t compared_max = 128;  // bytes of a name
constexpr std::size_t no_match = SIZE_MAX;

// ASCII only: what a user mistypes, not a collation.
std::string folded(std::string_view name) {
    std::string lower(name.substr(0, compared_max));
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return lower;
}

std::string_view last_part(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Levenshtein distance, or no_match as soon as it must exceed `most`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t most) {
    if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) {
        return no_match;
    }
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        std::size_t least = row[0];
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
            least = std::min(least, row[j + 1]);
        }
        if (least > most) {
            return no_match;
        }
    }
    return row.back() <= most ? row.back() : no_match;
}

// 0 is the best; no_match: not alike.
std::size_t unlikeness(const std::string& wanted, const std::string& name) {
    const std::string_view wanted_last = last_part(wanted);
    const std::string_view name_last = last_part(name);
    if (wanted == name) {
        return 0;
    }
    if (wanted_last == name_last) {
        return 1;
    }
    const std::size_t slips = std::max<std::size_t>(1, wanted_last.size() / 4);
    const std::size_t apart = distance(wanted_last, name_last, std::min<std::size_t>(slips, 3));
    if (apart != no_match) {
        return 1 + apart;
    }
    const bool contains = !wanted_last.empty() && name.find(wanted_last) != std::string::npos;
    const bool contained = name_last.size() >= 3 && wanted.find(name_last) != std::string::npos;
    return contains || contained ? 5 : no_match;
}

}  // namespace

std::vector<std::string> near_names(const std::string& wanted,
                                    const std::vector<std::string>& names, std::size_t most) {
    const std::string target = folded(wanted);
    std::vector<std::pair<std::size_t, std::size_t>> scored;  // unlikeness, index
    for (std::size_t index = 0; index < names.size() && !target.empty(); ++index) {
        const std::size_t score = unlikeness(target, folded(names[index]));
        if (score != no_match && names[index] != wanted) {
            scored.emplace_back(score, index);
        }
    }
    const std::size_t kept = std::min(most, scored.size());
    std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(kept),
                      scored.end());
    std::vector<std::string> best;
    for (std::size_t at = 0; at < kept; ++at) {
        best.push_back(names[scored[at].second]);
    }
    return best;
}

}  // namespace shoal::swarm
