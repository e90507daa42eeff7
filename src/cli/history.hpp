// History: the lines that were typed, and where the user is among them.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "shoal/base/result.hpp"

namespace shoal::cli {

class History {
  public:
    static constexpr std::size_t lines_max = 1000;

    // Not added: empty lines, and the last one once more. True when it was added.
    bool add(std::string_view line);

    // One line older or newer; `draft` is what stands in the editor and is kept for the way back.
    std::optional<std::string> older(std::string_view draft);
    std::optional<std::string> newer();
    // The user is at the newest again.
    void leave();

    // The index of the newest line older than `before` that holds `part`.
    [[nodiscard]] std::optional<std::size_t> search(std::string_view part,
                                                    std::size_t before) const;
    [[nodiscard]] const std::string& at(std::size_t index) const { return lines_[index]; }
    [[nodiscard]] std::size_t size() const { return lines_.size(); }

  private:
    std::deque<std::string> lines_;  // oldest first
    std::optional<std::size_t> position_;
    std::string draft_;
};

// One line each, mode 0600; what holds a line end is not kept. A file that has grown far beyond
// what is used is cut.
Status load_history(History& history, const std::string& path);
Status append_history(const std::string& path, const std::string& line);

}  // namespace shoal::cli
