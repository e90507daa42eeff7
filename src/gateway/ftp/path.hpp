// Paths as FTP clients write them, and names as the peer's door wants them. Pure.
//
// A path is resolved here, "." and ".." included, and cannot leave the root; whether what comes
// out is a name at all, the door checks. Names are shown escaped, and since no name holds a
// backslash, what is shown can be typed back.
#pragma once

#include <string>
#include <string_view>

namespace shoal::gateway::ftp {

// `path` seen from `folder` (a name as below): the name at the door: "a/b", "" for the root.
std::string resolve(std::string_view folder, std::string_view path);

// "/a/b" of the name "a/b".
std::string absolute(std::string_view name);
// The same, escaped and in double quotes, those within doubled (RFC 959, appendix II).
std::string quoted(std::string_view name);

std::string_view parent_of(std::string_view name);  // "a" of "a/b", "" of "a"
std::string_view last_of(std::string_view name);    // "b" of "a/b"

// Nothing in it needs escaping: only such names are made.
bool plain(std::string_view name);

}  // namespace shoal::gateway::ftp
