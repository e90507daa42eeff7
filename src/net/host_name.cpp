// HostName: what a person writes for a host, and what the resolver says to it.
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "shoal/base/text.hpp"
#include "shoal/net/address.hpp"

namespace shoal::net {
namespace {

constexpr std::size_t name_max = 253;  // RFC 1035, as text
constexpr std::size_t shown_max = 80;  // of a bad word, in an error
constexpr std::size_t resolved_max = 16;

Error not_a_host(std::string_view word, const char* why) {
    std::string shown = text::escape(word.substr(0, shown_max));
    if (word.size() > shown_max) {
        shown += "...";
    }
    return {ErrorKind::bad_input, "'" + shown + "' is not a host: " + why};
}

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool is_name_character(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

// What stands in a word, before any of it is believed.
struct Split {
    std::string_view host;
    std::optional<std::string_view> port;
    bool must_be_v6{false};
};

std::optional<Split> split(std::string_view word) {
    if (word.starts_with('[')) {
        const std::size_t close = word.find(']');
        if (close == word.npos) {
            return std::nullopt;
        }
        const std::string_view rest = word.substr(close + 1);
        Split parts{word.substr(1, close - 1), std::nullopt, true};
        if (rest.starts_with(':')) {
            parts.port = rest.substr(1);
        } else if (!rest.empty()) {
            return std::nullopt;
        }
        return parts;
    }
    const std::size_t colon = word.find(':');
    if (colon == word.npos) {
        return Split{word, std::nullopt, false};
    }
    if (word.find(':', colon + 1) != word.npos) {
        return Split{word, std::nullopt, true};
    }
    return Split{word.substr(0, colon), word.substr(colon + 1), false};
}

// Nullptr when `host` could be asked of a resolver.
const char* fault_of_name(std::string_view host) {
    if (host.empty()) {
        return "the name is empty";
    }
    if (host.size() > name_max) {
        return "names have at most 253 characters";
    }
    if (!std::all_of(host.begin(), host.end(), is_name_character)) {
        return "names are made of letters, digits, '-', '.' and '_'";
    }
    if (host.front() == '-' || host.front() == '.' || host.find("..") != host.npos) {
        return "a name's parts neither are empty nor start with '-'";
    }
    return nullptr;
}

}  // namespace

std::string HostName::to_string() const {
    const bool v6 = host.find(':') != host.npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HostName> parse_host_name(std::string_view word, std::uint16_t default_port) {
    const auto parts = split(word);
    if (!parts) {
        return not_a_host(word, "an IPv6 address with a port is written [address]:port");
    }
    HostName name{std::string(parts->host), default_port};
    if (parts->port) {
        const auto port = text::parse_number(*parts->port, 1, 65535);
        if (!port) {
            return not_a_host(word, "port must be 1..65535");
        }
        name.port = static_cast<std::uint16_t>(*port);
    }
    // One spelling for each address and name, so that duplicates are seen as such.
    if (const auto numeric = Address::parse_numeric(parts->host, name.port)) {
        name.host = numeric->host();
        return name;
    }
    if (parts->must_be_v6) {
        return not_a_host(word, "no such IPv6 address");
    }
    if (const char* fault = fault_of_name(parts->host)) {
        return not_a_host(word, fault);
    }
    std::transform(name.host.begin(), name.host.end(), name.host.begin(), lower);
    return name;
}

Result<std::vector<Address>> resolve(const HostName& name) {
    if (const auto numeric = Address::parse_numeric(name.host, name.port)) {
        return std::vector<Address>{*numeric};
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* raw_list = nullptr;
    const int failure = ::getaddrinfo(name.host.c_str(), nullptr, &hints, &raw_list);
    const std::string what = "cannot resolve host '" + text::escape(name.host) + "'";
    if (failure == EAI_SYSTEM) {
        return system_error(what, errno);
    }
    if (failure != 0) {
        const bool absent = failure == EAI_NONAME;
        return Error{absent ? ErrorKind::not_found : ErrorKind::system,
                     what + ": " + ::gai_strerror(failure) +
                         (absent ? "; check its spelling or use its address" : "")};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw_list, &::freeaddrinfo);
    std::vector<Address> found;
    for (const addrinfo* one = list.get(); one != nullptr && found.size() < resolved_max;
         one = one->ai_next) {
        sockaddr_storage storage{};
        std::copy_n(reinterpret_cast<const char*>(one->ai_addr),
                    std::min<std::size_t>(one->ai_addrlen, sizeof storage),
                    reinterpret_cast<char*>(&storage));
        const auto raw = Address::from_sockaddr(storage);
        const Address address = raw ? raw->with_port(name.port) : Address{};
        if (raw && std::find(found.begin(), found.end(), address) == found.end()) {
            found.push_back(address);
        }
    }
    return found;
}

}  // namespace shoal::net
