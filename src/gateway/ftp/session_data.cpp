// The data connection: PORT, EPRT, PASV, EPSV (RFC 959, 2428), and the checks of RFC 2577.
#include <algorithm>
#include <array>

#include "gateway/ftp/command_table.hpp"
#include "gateway/ftp/session.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {
namespace {

// "h1,h2,h3,h4,p1,p2"
std::optional<net::Address> parse_port(std::string_view text) {
    std::array<std::uint64_t, 6> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t end = std::min(text.find(','), text.size());
        const auto number = text::parse_number(text.substr(0, end), 0, 255);
        if (!number || (end == text.size()) != (i + 1 == parts.size())) {
            return std::nullopt;
        }
        parts[i] = *number;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::string host = std::to_string(parts[0]);
    for (std::size_t i = 1; i < 4; ++i) {
        host += "." + std::to_string(parts[i]);
    }
    return net::Address::parse_numeric(host, static_cast<std::uint16_t>(parts[4] << 8U | parts[5]));
}

struct Extended {
    std::uint64_t protocol{};
    std::string_view host;
    std::optional<std::uint64_t> port;
};

// "|protocol|host|port|" with any printable delimiter (RFC 2428, 2).
std::optional<Extended> parse_eprt(std::string_view text) {
    const char delimiter = text.front();
    if (delimiter < 33 || delimiter > 126 || std::count(text.begin(), text.end(), delimiter) != 4 ||
        text.back() != delimiter) {
        return std::nullopt;
    }
    const std::size_t host = text.find(delimiter, 1) + 1;
    const std::size_t port = text.find(delimiter, host) + 1;
    const auto protocol = text::parse_number(text.substr(1, host - 2), 0, UINT16_MAX);
    if (!protocol) {
        return std::nullopt;
    }
    return Extended{*protocol, text.substr(host, port - host - 1),
                    text::parse_number(text.substr(port, text.size() - port - 1), 0, UINT16_MAX)};
}

// RFC 2428's numbers.
unsigned protocol_of(const net::Address& address) { return address.family() == AF_INET6 ? 2 : 1; }

std::string unsupported(unsigned use) {
    return "Network protocol not supported, use (" + std::to_string(use) + ").";
}

}  // namespace

bool Session::may_connect() {
    if (epsv_all_) {
        say(503, "Not allowed after EPSV ALL.");
    }
    return !epsv_all_;
}

void Session::do_port(std::string_view argument) {
    if (!may_connect()) {
        return;
    }
    const auto address = parse_port(argument);
    if (!address) {
        say(501, "Invalid PORT format.");
    } else if (host_.control_peer().family() != AF_INET) {
        say(522, "PORT is for IPv4 only, use EPRT.");
    } else {
        connect(*address);
    }
}

void Session::do_eprt(std::string_view argument) {
    if (!may_connect()) {
        return;
    }
    const unsigned own = protocol_of(host_.control_peer());
    const auto wanted = parse_eprt(argument);
    if (!wanted) {
        say(501, "Invalid EPRT format.");
        return;
    }
    if (wanted->protocol != own) {
        say(522, unsupported(own));
        return;
    }
    const auto address = wanted->port ? net::Address::parse_numeric(
                                            wanted->host, static_cast<std::uint16_t>(*wanted->port))
                                      : std::nullopt;
    if (!address || protocol_of(*address) != own) {
        say(501, "Invalid EPRT format.");
    } else {
        connect(*address);
    }
}

// To the client's own address and an unprivileged port only: whoever has us dial others bounces.
void Session::connect(const net::Address& address) {
    if (address.with_port(0) != host_.control_peer().with_port(0)) {
        say(504, "Refused: can't connect to a foreign address.");
    } else if (address.port() < 1024) {
        say(504, "Refused: can't connect to a privileged port.");
    } else {
        end_data();
        data_ = Data::connecting;
        asking_ = true;
        host_.connect(address);
    }
}

void Session::handle_data(const Status& connected) {
    const bool active = data_ == Data::connecting;
    data_ = connected ? Data::ready : Data::none;
    if (active && connected) {
        finish(200, "Active data connection established.");
    } else if (active) {
        finish(425, connected.error().message);
    }
}

std::optional<net::Address> Session::listen() {
    end_data();
    Result<net::Address> local = host_.listen();
    if (!local) {
        say(425, "Can't open a passive connection: " + local.error().message);
        return std::nullopt;
    }
    data_ = Data::listening;
    return *local;
}

void Session::do_pasv(std::string_view) {
    if (!may_connect()) {
        return;
    }
    if (host_.control_local().family() != AF_INET) {
        say(425, "PASV is for IPv4 only, use EPSV.");
        return;
    }
    const auto local = listen();
    if (!local) {
        return;
    }
    std::string numbers = rules_.advertise.value_or(*local).host();
    std::replace(numbers.begin(), numbers.end(), '.', ',');
    const unsigned port = local->port();
    say(227, "Entering passive mode (" + numbers + "," + std::to_string(port >> 8U) + "," +
                 std::to_string(port & 0xffU) + ").");
}

void Session::do_epsv(std::string_view argument) {
    const unsigned own = protocol_of(host_.control_peer());
    if (upper(argument) == "ALL") {
        epsv_all_ = true;
        say(200, "EPSV ALL ok: no other command sets up data connections now.");
        return;
    }
    if (!argument.empty()) {
        const auto number = text::parse_number(argument, 0, UINT16_MAX);
        if (number != own) {
            number ? say(522, unsupported(own)) : say(501, "Invalid EPSV format.");
            return;
        }
    }
    if (const auto local = listen()) {
        say(229, "Entering extended passive mode (|||" + std::to_string(local->port()) + "|).");
    }
}

}  // namespace shoal::gateway::ftp
