// check_json: what must hold of a text before a JSON library may see it.
//
// The library under cereal recurses as deep as the text says, keeps both of two equal keys, takes
// NaN, and cuts strings at a NUL. So this scanner goes first: strict RFC 8259, one object, and
// the bounds below. Whatever passes has one meaning, the same for every reader. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "shoal/base/result.hpp"

namespace shoal::gateway::json {

inline constexpr std::size_t json_bytes_max = std::size_t{1} << 20U;
inline constexpr std::size_t json_depth_max = 32;

// One JSON object of valid UTF-8, blanks around it allowed: at most json_bytes_max bytes and
// json_depth_max levels; no key twice in an object, however it is escaped; no lone surrogate, no
// NUL in a string; numbers that a double can hold. The error names the byte.
Status check_json(std::string_view text);

}  // namespace shoal::gateway::json
