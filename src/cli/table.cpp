#include "table.hpp"

#include <algorithm>

#include "width.hpp"

namespace shoal::cli {

std::string table(const std::vector<Align>& aligns,
                  const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widest(aligns.size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < aligns.size(); ++i) {
            widest[i] = std::max(widest[i], width(row[i]));
        }
    }
    std::string lines;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < aligns.size(); ++i) {
            const bool last = i + 1 == aligns.size();
            lines += i > 0 ? "  " : "";
            lines += aligns[i] == Align::right ? pad_left(row[i], widest[i])
                     : last                    ? row[i]
                                               : pad(row[i], widest[i]);
        }
        lines += '\n';
    }
    return lines;
}

}  // namespace shoal::cli
