// Screen: the lines at the bottom of a terminal that are drawn again and again (progress, and
// the prompt beneath it), with everything else scrolling by above them.
//
// Sans-I/O: every call returns the bytes to write. A line is at most as wide as the terminal
// and holds no '\n'.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

class Screen {
  public:
    struct Footer {
        std::string line;
        std::size_t cursor{};  // column
    };

    // `above` (whole lines, or nothing) goes over the block of `lines` and the footer.
    std::string draw(std::string_view above, const std::vector<std::string>& lines,
                     const std::optional<Footer>& footer);
    // Takes the block away and leaves the cursor where it stood.
    std::string clear();
    // The terminal was cleared, or somebody else wrote: nothing of the block is left above.
    void forget() { rows_above_ = 0; }

  private:
    [[nodiscard]] std::string to_top() const;
    std::size_t rows_above_{0};  // from the block's first line down to the cursor's
    bool drawn_{false};
};

}  // namespace shoal::cli
