// Screen: the lines at the bottom of a terminal that are drawn again and again (progress, and
// the prompt beneath it), with everything else scrolling by above them.
//
// Sans-I/O: every call returns the bytes to write. A line is at most as wide as the terminal
// and holds no '\n'.
#pragma once

#include <cstddef>
#include <cstdint>
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

    // How wide the terminal is now. One that has become narrower since the block was drawn has
    // broken its lines anew, and the block stands on more rows.
    void set_columns(std::size_t columns) { columns_ = columns; }
    // `above` (whole lines, or nothing) goes over the block of `lines` and the footer.
    std::string draw(std::string_view above, const std::vector<std::string>& lines,
                     const std::optional<Footer>& footer);
    // Takes the block away and leaves the cursor where it stood.
    std::string clear();
    // The terminal was cleared, or somebody else wrote: nothing of the block is left above.
    void forget();

  private:
    [[nodiscard]] std::string to_top() const;
    std::vector<std::size_t> above_;  // widths of the block's lines above the cursor's
    std::size_t cursor_{0};           // its column
    std::size_t columns_{SIZE_MAX};
    bool drawn_{false};
};

}  // namespace shoal::cli
