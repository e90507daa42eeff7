// Replies on the control connection (RFC 959, 4.2). Whatever they quote is escaped, so that no
// name can forge a line. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/result.hpp"

namespace shoal::gateway::ftp {

// "226 Transfer complete.\r\n"
std::string reply(int code, std::string_view text);
// "211-First\r\n line\r\n211 Last\r\n": each line in the middle begins with a space, so that none
// is taken for the end.
std::string reply(int code, std::string_view first, const std::vector<std::string>& lines,
                  std::string_view last);

// The reply to a command that failed so: 4xx for what may go better another time, 5xx for what will
// not.
int code_of(ErrorKind kind);

}  // namespace shoal::gateway::ftp
