// The options of the gateways, and of the commands that serve them.
#include <arpa/inet.h>

#include <algorithm>
#include <limits>

#include "option_setters.hpp"

namespace shoal::cli {
namespace {

Status set_cache_size(Options& options, const std::string& value) {
    const auto size = text::parse_rate(value);  // the same units
    if (value == "unlimited") {
        options.peer.cache_size = std::numeric_limits<std::uint64_t>::max();
    } else if (!size || value.ends_with("/s") || (*size == 0 && value != "0")) {
        return allowed("give a size such as 500MiB or 20GiB, 0 or unlimited");
    } else {
        options.peer.cache_size = *size;
    }
    return {};
}

Status set_anonymous(Options& options, const std::string& value) {
    options.ftp.anonymous = value == "on";
    return value == "on" || value == "off" ? Status{} : allowed("give on or off");
}

Status set_ftp_idle(Options& options, const std::string& value) {
    std::uint64_t seconds = 0;
    const Status set = set_number(seconds, value, 1, 24 * 3600);
    options.ftp.idle = std::chrono::seconds(seconds);
    return set;
}

Status set_rights(Options& options, const std::string& value) {
    options.ftp.may_write = value == "rw";
    return value == "r" || value == "rw" ? Status{} : allowed("give r or rw");
}

// "50000-50099"
Status set_passive_ports(Options& options, const std::string& value) {
    const std::size_t dash = std::min(value.find('-'), value.size());
    const auto low = text::parse_number(value.substr(0, dash), 1, 65535);
    const auto high = text::parse_number(value.substr(std::min(dash + 1, value.size())), 1, 65535);
    if (!low || !high || *low > *high) {
        return allowed("give a range of ports such as 50000-50099");
    }
    options.ftp.passive_low = static_cast<std::uint16_t>(*low);
    options.ftp.passive_high = static_cast<std::uint16_t>(*high);
    return {};
}

Status set_ftp_advertise(Options& options, const std::string& value) {
    in_addr unused{};
    options.ftp.advertise = value;
    const bool numeric = ::inet_pton(AF_INET, value.c_str(), &unused) == 1;
    return numeric ? Status{} : allowed("give a numeric IPv4 address, such as 203.0.113.5");
}

// ".txt,.md": each with its point, so that "t" does not allow all that ends so.
Status set_json_allow(Options& options, const std::string& value) {
    std::vector<std::string> endings;
    for (std::size_t begin = 0; begin <= value.size();) {
        const std::size_t end = std::min(value.find(',', begin), value.size());
        endings.push_back(value.substr(begin, end - begin));
        const std::string& ending = endings.back();
        const bool good = ending == "*" || (ending.size() > 1 && ending.front() == '.' &&
                                            ending.find('/') == ending.npos);
        if (!good) {
            return allowed("give endings such as .txt,.md, or * for all");
        }
        begin = end + 1;
    }
    options.json_gateway.allow = std::move(endings);
    return {};
}

const OptionRow rows[] = {
    {"cache-size", "SIZE", resident,
     "keep that much of what gateways fetched (default: 10GiB; 0, unlimited)", set_cache_size},
    {"ftp-port", "N", resident, "serve FTP on that port, 0 for not (default: 0)",
     [](Options& o, Text v) { return set_number(o.ftp.port, v, 0, 65535); }},
    {"ftp-users", "FILE", resident, "who may log in, in lines of 'shoal ftp-user'; mode 0600",
     [](Options& o, Text v) { return set_path(o.ftp.users, v); }},
    {"ftp-anonymous", "WHETHER", resident,
     "on: anybody may read; or off (default: on, with --secret-file off)", set_anonymous},
    {"ftp-threads", "N", resident, "threads for FTP clients (default: 2)",
     [](Options& o, Text v) { return set_number(o.ftp.threads, v, 1, 64); }},
    {"ftp-clients-per-thread", "N", resident, "FTP clients of each (default: 200)",
     [](Options& o, Text v) { return set_number(o.ftp.clients_per_thread, v, 1, 100'000); }},
    {"ftp-clients-per-address", "N", resident,
     "of one address (default: a quarter of all; from this host, all)",
     [](Options& o, Text v) { return set_number(o.ftp.clients_per_address, v, 1, 1'000'000); }},
    {"ftp-passive-ports", "LOW-HIGH", resident, "ports for passive data connections (default: any)",
     set_passive_ports},
    {"ftp-advertise", "ADDR", resident, "IPv4 address that PASV names, for hosts behind a NAT",
     set_ftp_advertise},
    {"ftp-idle", "SECONDS", resident, "so long an FTP client or transfer may be silent (300)",
     set_ftp_idle},
    {"rights", "RIGHTS", bit(Command::ftp_user), "r (default), or rw: may write, too", set_rights},
    {"json-port", "N", resident | bit(Command::call),
     "port of the JSON gateway (default: none; call: 8081)",
     [](Options& o, Text v) { return set_number(o.json_gateway.port, v, 1, 65535); }},
    {"json-threads", "N", resident, "threads that work on its requests (default: 4)",
     [](Options& o, Text v) { return set_number(o.json_gateway.threads, v, 1, 64); }},
    {"json-allow", "ENDINGS", resident, "names it lets through: .txt,.md or * (default: .txt)",
     set_json_allow},
    {"json-write", nullptr, resident, "it may change files, too: PUSH, DELETE, FETCH",
     [](Options& o, Text v) {
         o.json_gateway.write = v == "true";
         return Status{};
     }},
    {"input", "FILE", bit(Command::call), "content of the request; - is standard input",
     [](Options& o, Text v) { return set_path(o.json_gateway.input, v); }},
    {"output", "FILE", bit(Command::call), "content of the reply (default: standard output)",
     [](Options& o, Text v) { return set_path(o.json_gateway.output, v); }},
};

}  // namespace

std::span<const OptionRow> gateway_options() { return rows; }

}  // namespace shoal::cli
