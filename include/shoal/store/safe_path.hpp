// SafePath: a relative path that may be used beneath a root. It can only be made by parse(),
// so whoever holds one need not check again.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "shoal/base/result.hpp"

namespace shoal::store {

class SafePath {
  public:
    // Accepts UTF-8 of 1..limits::path_max bytes, components of 1..255 bytes joined by single
    // '/'. Refuses absolute paths, empty components, names that begin with '.', NUL, backslash.
    static Result<SafePath> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::string_view folder() const;  // "a/b" of "a/b/c"; "" at the top
    [[nodiscard]] std::string_view name() const;    // "c"
    friend auto operator<=>(const SafePath&, const SafePath&) = default;

  private:
    explicit SafePath(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

// A folder prefix: "" or a SafePath followed by '/'.
Result<std::string> parse_prefix(std::string_view text);
// Whether some SafePath may begin like that: "", "a", "a/", "a/b".
Status check_beginning(std::string_view text);

}  // namespace shoal::store
