#include "shoal/net/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "shoal/base/text.hpp"

namespace shoal::net {
namespace {

// Through memcpy, since a sockaddr_storage holds objects of neither type.
template <typename Sockaddr>
Sockaddr view_as(const sockaddr_storage& raw) {
    Sockaddr address{};
    std::memcpy(&address, &raw, sizeof address);
    return address;
}

template <typename Sockaddr>
sockaddr_storage stored(const Sockaddr& address) {
    sockaddr_storage raw{};
    std::memcpy(&raw, &address, sizeof address);
    return raw;
}

sockaddr_storage make_v4(in_addr host, in_port_t port_in_network_order) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr = host;
    v4.sin_port = port_in_network_order;
    return stored(v4);
}

// "eth0" or "2"; 0 when there is no such interface.
unsigned scope_of(const std::string& name) {
    if (const auto number = text::parse_number(name, 1, UINT32_MAX)) {
        return static_cast<unsigned>(*number);
    }
    return ::if_nametoindex(name.c_str());
}

using Key = std::tuple<int, std::array<std::uint8_t, 16>, std::uint32_t, std::uint16_t>;

Key key_of(const sockaddr_storage& raw) {
    std::array<std::uint8_t, 16> host{};
    std::uint32_t scope = 0;
    in_port_t port = 0;
    if (raw.ss_family == AF_INET) {
        const auto v4 = view_as<sockaddr_in>(raw);
        std::memcpy(host.data(), &v4.sin_addr, sizeof v4.sin_addr);
        port = v4.sin_port;
    } else if (raw.ss_family == AF_INET6) {
        const auto v6 = view_as<sockaddr_in6>(raw);
        std::memcpy(host.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
        scope = v6.sin6_scope_id;
        port = v6.sin6_port;
    }
    return {raw.ss_family, host, scope, ntohs(port)};
}

}  // namespace

std::optional<Address> Address::from_sockaddr(const sockaddr_storage& raw) {
    Address address;
    if (raw.ss_family == AF_INET) {
        const auto v4 = view_as<sockaddr_in>(raw);
        address.raw_ = make_v4(v4.sin_addr, v4.sin_port);
        return address;
    }
    if (raw.ss_family != AF_INET6) {
        return std::nullopt;
    }
    auto v6 = view_as<sockaddr_in6>(raw);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        in_addr v4{};
        std::memcpy(&v4, v6.sin6_addr.s6_addr + 12, sizeof v4);
        address.raw_ = make_v4(v4, v6.sin6_port);
    } else {
        v6.sin6_flowinfo = 0;
        address.raw_ = stored(v6);
    }
    return address;
}

std::optional<Address> Address::parse_numeric(std::string_view host, std::uint16_t port) {
    if (host.size() > INET6_ADDRSTRLEN + IF_NAMESIZE || host.find('\0') != host.npos) {
        return std::nullopt;
    }
    in_addr v4{};
    if (::inet_pton(AF_INET, std::string(host).c_str(), &v4) == 1) {
        return from_sockaddr(make_v4(v4, htons(port)));
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const std::size_t percent = host.find('%');
    if (::inet_pton(AF_INET6, std::string(host.substr(0, percent)).c_str(), &v6.sin6_addr) != 1) {
        return std::nullopt;
    }
    if (percent != host.npos) {
        v6.sin6_scope_id = scope_of(std::string(host.substr(percent + 1)));
        if (v6.sin6_scope_id == 0 || IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            return std::nullopt;
        }
    }
    return from_sockaddr(stored(v6));
}

Address Address::any_v4(std::uint16_t port) {
    Address address;
    address.raw_ = make_v4(in_addr{htonl(INADDR_ANY)}, htons(port));
    return address;
}

std::optional<Address> Address::from_wire(const HostAddress& wire) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(wire.port);
    std::memcpy(&v6.sin6_addr, wire.ip.data(), wire.ip.size());
    const bool unspecified = wire.ip == decltype(wire.ip){};
    return unspecified ? std::nullopt : from_sockaddr(stored(v6));
}

HostAddress Address::wire() const {
    HostAddress wire;
    const auto host = std::get<1>(key_of(raw_));
    if (family() == AF_INET) {
        wire.ip[10] = wire.ip[11] = 0xff;
        std::copy_n(host.begin(), 4, wire.ip.begin() + 12);
    } else {
        wire.ip = host;
    }
    wire.port = port();
    return wire;
}

std::uint16_t Address::port() const { return std::get<3>(key_of(raw_)); }

Address Address::with_port(std::uint16_t port) const {
    Address changed = *this;
    if (family() == AF_INET) {
        auto v4 = view_as<sockaddr_in>(raw_);
        v4.sin_port = htons(port);
        changed.raw_ = stored(v4);
    } else if (family() == AF_INET6) {
        auto v6 = view_as<sockaddr_in6>(raw_);
        v6.sin6_port = htons(port);
        changed.raw_ = stored(v6);
    }
    return changed;
}

std::string Address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family() == AF_INET) {
        const auto v4 = view_as<sockaddr_in>(raw_);
        return ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    }
    if (family() != AF_INET6) {
        return "unspecified";
    }
    const auto v6 = view_as<sockaddr_in6>(raw_);
    std::string shown = ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    if (v6.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> name{};
        const bool named = ::if_indextoname(v6.sin6_scope_id, name.data()) != nullptr;
        shown += "%" + (named ? std::string(name.data()) : std::to_string(v6.sin6_scope_id));
    }
    return shown;
}

std::string Address::to_string() const {
    return family() == AF_UNSPEC ? host() : HostName{host(), port()}.to_string();
}

bool Address::is_loopback() const {
    const auto bytes = std::get<1>(key_of(raw_));
    if (family() == AF_INET) {
        return bytes[0] == 127;
    }
    return family() == AF_INET6 && bytes.back() == 1 &&
           std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; });
}

bool Address::is_any() const {
    const auto bytes = std::get<1>(key_of(raw_));
    return family() != AF_UNSPEC &&
           std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
}

bool Address::is_dialable() const {
    const auto first = std::get<1>(key_of(raw_))[0];
    const bool many = family() == AF_INET ? first >= 224 || first == 0 : first == 0xff;
    return family() != AF_UNSPEC && port() != 0 && !is_any() && !many;
}

socklen_t Address::raw_size() const {
    return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

bool operator==(const Address& left, const Address& right) {
    return key_of(left.raw_) == key_of(right.raw_);
}

bool operator<(const Address& left, const Address& right) {
    return key_of(left.raw_) < key_of(right.raw_);
}

}  // namespace shoal::net
