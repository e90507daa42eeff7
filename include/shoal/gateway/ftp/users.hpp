// Users of the FTP gateway: one a line,
//
//   NAME:RIGHTS:pbkdf2-sha256:ITERATIONS:SALT:KEY
//
// RIGHTS is r or rw, SALT and KEY are hex. Empty lines and those that begin with '#' do not count.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/result.hpp"

namespace shoal::gateway::ftp {

enum class Rights : std::uint8_t { none, read, write };

struct User {
    Rights rights{Rights::none};
    std::uint32_t iterations{};
    std::vector<std::uint8_t> salt;
    std::vector<std::uint8_t> key;
};
using Users = std::map<std::string, User, std::less<>>;

// A line for the file, without its end, with a salt of its own. The name has 1 to 64 bytes of
// UTF-8, no control characters, no space, no ':'; the password is not empty. Takes some ten
// milliseconds.
Result<std::string> user_line(std::string_view name, Rights rights, std::string_view password);

// `file_name` is for errors, which name the line.
Result<Users> parse_users(std::string_view text, std::string_view file_name);

// The rights that name and password give; none when they are wrong. An unknown name takes as long
// as a wrong password.
Rights check_user(const Users& users, std::string_view name, std::string_view password);

}  // namespace shoal::gateway::ftp
