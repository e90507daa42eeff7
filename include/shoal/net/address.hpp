// Address: an IPv4 or IPv6 socket address, and the text forms that people write.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/host_address.hpp"
#include "shoal/base/result.hpp"

namespace shoal::net {

class Address {
  public:
    Address() = default;  // unspecified: family() == AF_UNSPEC
    // Takes AF_INET or AF_INET6; a v4-mapped v6 address becomes plain IPv4.
    static std::optional<Address> from_sockaddr(const sockaddr_storage& raw);
    // "127.0.0.2", "::1", "fe80::1%eth0"; numeric only, never asks a resolver.
    static std::optional<Address> parse_numeric(std::string_view host, std::uint16_t port);
    static Address any_v4(std::uint16_t port);
    // As messages carry it; an interface's scope is lost. Nullopt for the unspecified address.
    static std::optional<Address> from_wire(const HostAddress& wire);
    [[nodiscard]] HostAddress wire() const;

    [[nodiscard]] int family() const { return raw_.ss_family; }
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] Address with_port(std::uint16_t port) const;
    [[nodiscard]] std::string host() const;       // without port and brackets
    [[nodiscard]] std::string to_string() const;  // "127.0.0.2:8080", "[::1]:8080"
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_any() const;
    // One host's: neither everybody's nor nobody's, and with a port.
    [[nodiscard]] bool is_dialable() const;

    [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&raw_); }
    [[nodiscard]] socklen_t raw_size() const;

    // By family, host bytes and port; never by padding.
    friend bool operator==(const Address& left, const Address& right);
    friend bool operator<(const Address& left, const Address& right);

  private:
    sockaddr_storage raw_{};
};

// A host as a person names it: a name or a number, and a port.
struct HostName {
    std::string host;
    std::uint16_t port{};

    friend auto operator<=>(const HostName&, const HostName&) = default;
    [[nodiscard]] std::string to_string() const;
};

// "host", "host:port", "[v6]:port", "v6" (two or more colons, no brackets).
Result<HostName> parse_host_name(std::string_view word, std::uint16_t default_port);

// Asks the system's resolver. May block for long: peers use a Resolver (resolver.hpp).
Result<std::vector<Address>> resolve(const HostName& name);

}  // namespace shoal::net
