// HostAddress: where a host listens, as messages carry it: 16 bytes of IPv6 (IPv4 as
// ::ffff:a.b.c.d) and a port. Plain bytes, so that layers without sockets can compare them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace shoal {

struct HostAddress {
    std::array<std::uint8_t, 16> ip{};
    std::uint16_t port{};  // 0: it listens nowhere, or is not known

    friend auto operator<=>(const HostAddress&, const HostAddress&) = default;
    [[nodiscard]] bool known() const { return port != 0; }
};

}  // namespace shoal
