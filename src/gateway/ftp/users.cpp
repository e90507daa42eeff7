#include "shoal/gateway/ftp/users.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/pbkdf2.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::gateway::ftp {
namespace {

constexpr std::string_view scheme = "pbkdf2-sha256";
constexpr std::uint32_t iterations_made = 200'000;
constexpr std::uint32_t iterations_max = 10'000'000;  // more would be a way to stall logins
constexpr std::size_t salt_size = 16;
constexpr std::size_t key_size = 32;
constexpr std::size_t name_max = 64;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::uint8_t> derive(std::string_view password, const User& user) {
    return integrity::pbkdf2_hmac_sha256(bytes_of(password), user.salt, user.iterations, key_size);
}

bool good_name(std::string_view name) {
    return !name.empty() && name.size() <= name_max && text::escape(name) == name &&
           name.find_first_of(" :#") == name.npos;
}

std::vector<std::string_view> split(std::string_view line) {
    std::vector<std::string_view> fields;
    for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t end = std::min(line.find(':', begin), line.size());
        fields.push_back(line.substr(begin, end - begin));
        begin = end + 1;
    }
    return fields;
}

std::optional<User> parse_user(const std::vector<std::string_view>& fields) {
    if (fields.size() != 6 || !good_name(fields[0]) || (fields[1] != "r" && fields[1] != "rw") ||
        fields[2] != scheme) {
        return std::nullopt;
    }
    const auto iterations = text::parse_number(fields[3], 1, iterations_max);
    auto salt = text::unhex(fields[4]);
    auto key = text::unhex(fields[5]);
    if (!iterations || !salt || salt->empty() || salt->size() > 256 || !key ||
        key->size() != key_size) {
        return std::nullopt;
    }
    return User{fields[1] == "rw" ? Rights::write : Rights::read,
                static_cast<std::uint32_t>(*iterations), std::move(*salt), std::move(*key)};
}

// What nobody's password gives, as costly as somebody's.
User nobody(const Users& users) {
    User user;
    user.iterations = users.empty() ? iterations_made : users.begin()->second.iterations;
    user.salt.assign(salt_size, 0);
    user.key.assign(key_size, 0);
    return user;
}

}  // namespace

Result<std::string> user_line(std::string_view name, Rights rights, std::string_view password) {
    if (!good_name(name)) {
        return Error{ErrorKind::bad_input,
                     "a user's name has 1 to 64 bytes, none of them a space, ':' or '#'"};
    }
    if (name == "anonymous" || name == "ftp") {
        return Error{ErrorKind::bad_input, "'" + std::string(name) +
                                               "' is what those without a name log in as; choose "
                                               "another name"};
    }
    if (password.empty()) {
        return Error{ErrorKind::bad_input, "the password is empty"};
    }
    User user;
    user.iterations = iterations_made;
    user.salt.resize(salt_size);
    random_bytes(user.salt);
    return std::string(name) + (rights == Rights::write ? ":rw:" : ":r:") + std::string(scheme) +
           ":" + std::to_string(user.iterations) + ":" + text::hex(user.salt) + ":" +
           text::hex(derive(password, user));
}

Result<Users> parse_users(std::string_view text, std::string_view file_name) {
    Users users;
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string_view line = text.substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto fields = split(line);
        auto user = parse_user(fields);
        if (!user || !users.emplace(std::string(fields[0]), std::move(*user)).second) {
            return Error{ErrorKind::bad_input,
                         text::escape(file_name) + ":" + std::to_string(number) +
                             (user ? ": that user stands further up already"
                                   : ": not a line as 'shoal ftp-user' writes them")};
        }
    }
    return users;
}

Rights check_user(const Users& users, std::string_view name, std::string_view password) {
    const auto found = users.find(name);
    const User& user = found == users.end() ? nobody(users) : found->second;
    const bool equal = integrity::equal_constant_time(derive(password, user), user.key);
    return equal && found != users.end() ? found->second.rights : Rights::none;
}

}  // namespace shoal::gateway::ftp
