// Dates as FTP writes them, in UTC. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::gateway::ftp {

// "20240229235959" (RFC 3659, 2.3).
std::string time_value(std::int64_t seconds);
// The same with an optional fraction, which is dropped; nullopt for what is no date.
std::optional<std::int64_t> parse_time_value(std::string_view text);
// As `ls -l`: "Feb 29 23:59", or "Feb 29  2020" of what is older than half a year or to come.
std::string list_date(std::int64_t seconds, std::int64_t now);

}  // namespace shoal::gateway::ftp
