// Shell patterns for LIST and NLST: * ? [a-z] [!a-z]. Pure.
#pragma once

#include <string_view>

namespace shoal::gateway::ftp {

bool has_wildcard(std::string_view pattern);

// Byte-wise; '?' stands for one whole UTF-8 character. At most size(pattern) * size(name) steps.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace shoal::gateway::ftp
