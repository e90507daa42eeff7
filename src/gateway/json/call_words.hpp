// What the words behind `shoal call` mean. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shoal/base/result.hpp"

namespace shoal::gateway::json {

// One line of JSON a request. `content_length` is added to the (then only) request.
Result<std::vector<std::string>> requests_of(const std::vector<std::string>& words,
                                             std::optional<std::uint64_t> content_length);

}  // namespace shoal::gateway::json
