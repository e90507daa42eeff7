// Wanted: what a person typed for a file, and what that may mean.
#pragma once

#include <string>
#include <string_view>

namespace shoal::cli {

// "NAME@ROOT" may be a name and the beginning of its root, or a name in which an '@' stands: it
// is asked for as the first, and as the second when that does not exist.
struct Wanted {
    std::string shown;        // as typed
    std::string name;         // before the last '@' when 8 to 64 hex digits follow it, else all
    std::string root_prefix;  // those digits, in lower case
    std::string literal;      // the whole text, to be tried when the split one is not found
};

Wanted wanted(std::string_view text);
// Never split: for quoted names.
Wanted wanted_literally(std::string_view name);

}  // namespace shoal::cli
