#include "option_table.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "option_setters.hpp"
#include "search_words.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

Status set_rate(std::uint64_t& target, const std::string& value) {
    const auto rate = text::parse_rate(value);
    if (!rate) {
        return allowed("give a rate such as 16MiB, 1.5MiB/s or 100Mbit, or off");
    }
    target = *rate;
    return {};
}

bool is_numeric(const std::string& host) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;  // so it never waits for a name server
    addrinfo* found = nullptr;
    if (host.empty() || ::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
        return false;
    }
    ::freeaddrinfo(found);
    return true;
}

Status set_bind(Options& options, const std::string& value) {
    if (!is_numeric(value)) {
        return allowed("give a numeric address of this host, such as 192.168.1.5 or ::1");
    }
    options.peer.bind = value;
    return {};
}

// ADDR, V4:PORT, [V6]:PORT.
Status set_advertise(Options& options, const std::string& value) {
    const bool brackets = value.starts_with('[');
    const std::size_t colon = value.rfind(':');
    const bool has_port = colon != std::string::npos &&
                          (brackets ? value[colon - 1] == ']' : value.find(':') == colon);
    std::string host = has_port ? value.substr(0, colon) : value;
    if (brackets && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    if (!is_numeric(host) || (has_port && !text::parse_number(value.substr(colon + 1), 1, 65535))) {
        return allowed("give a number such as 203.0.113.5, 203.0.113.5:8080 or [2001:db8::5]:8080");
    }
    options.peer.advertise = value;
    return {};
}

Status set_progress(Options& options, const std::string& value) {
    if (value == "auto") {
        options.progress = Progress::automatic;
    } else if (value == "always") {
        options.progress = Progress::always;
    } else if (value == "never") {
        options.progress = Progress::never;
    } else {
        return allowed("give auto, always or never");
    }
    return {};
}

Status set_log_level(Options& options, const std::string& value) {
    const auto level = log::parse_level(value);
    if (!level) {
        return allowed("give error, warning, info or debug");
    }
    options.log_level = *level;
    return {};
}

Status set_timeout(Options& options, const std::string& value) {
    std::uint64_t seconds = 0;
    const Status set = set_number(seconds, value, 1, 7 * 24 * 3600);
    options.timeout = std::chrono::seconds(seconds);
    return set;
}

template <std::string peer::PeerOptions::*Member>
Status set_peer_path(Options& options, const std::string& value) {
    return set_path(options.peer.*Member, value);
}

constexpr unsigned everywhere = ~0U;
constexpr unsigned asks_one = bit(Command::status) | bit(Command::call);
constexpr unsigned with_orders = bit(Command::prompt) | bit(Command::get) | bit(Command::list);
constexpr unsigned with_peer = with_orders | bit(Command::serve) | bit(Command::search);
constexpr unsigned searching = bit(Command::search);

template <std::size_t Index>
OptionRow search_row() {
    const SearchOption& option = search_options()[Index];
    return {option.name, option.argument, searching, option.help,
            [](Options& o, Text v) { return search_options()[Index].set(o.search, v); }};
}

const OptionRow common_options[] = {
    {"bind", "ADDR", with_peer | asks_one,
     "numeric address to listen on and to dial from (default: all)", set_bind},
    {"port", "N", with_peer | bit(Command::status),
     "port to listen on, 0 for a free one (default: 8080; one-shots: 0)",
     [](Options& o, Text v) { return set_number(o.peer.port, v, 0, 65535); }},
    {"hosts", "FILE", with_peer, "file of hosts, one a line (default: hosts.txt)",
     set_peer_path<&peer::PeerOptions::hosts_file>},
    {"shared", "DIR", with_peer, "folder that is offered (default: shared)",
     set_peer_path<&peer::PeerOptions::shared>},
    {"downloads", "DIR", with_peer, "folder for what is fetched (default: downloads)",
     set_peer_path<&peer::PeerOptions::downloads>},
    {"state", "DIR", with_peer, "folder of the index and the history (default: .shoal)",
     set_peer_path<&peer::PeerOptions::state>},
    {"secret-file", "FILE", with_peer | asks_one,
     "the secret that all hosts share; mode 0600 (default: open)",
     set_peer_path<&peer::PeerOptions::secret_file>},
    {"advertise", "ADDR[:PORT]", with_peer,
     "where search results say that this host is (default: as others see it)", set_advertise},
    {"wait-hosts", "N", with_orders | searching,
     "be connected to N hosts before asking (default: 0)",
     [](Options& o, Text v) { return set_number(o.wait_hosts, v, 0, limits::hosts_max); }},
    {"timeout", "SECONDS", with_orders | asks_one,
     "give up after that long without progress (default: 30)", set_timeout},
    {"max-upload", "RATE", with_peer, "bytes a second for all clients: 16MiB, 100Mbit, off",
     [](Options& o, Text v) { return set_rate(o.peer.max_upload, v); }},
    {"max-download", "RATE", with_peer, "bytes a second for all downloads",
     [](Options& o, Text v) { return set_rate(o.peer.max_download, v); }},
    {"max-clients", "N", with_peer, "clients served at once (default: 400)",
     [](Options& o, Text v) {
         return set_number(o.peer.max_clients, v, 1, limits::clients_limit);
     }},
    {"max-clients-per-address", "N", with_peer, "of one address (default: 64)",
     [](Options& o, Text v) {
         return set_number(o.peer.max_clients_per_address, v, 1, limits::clients_limit);
     }},
    {"stay", nullptr, bit(Command::get), "serve on when all is fetched, until a signal",
     set_switch<&Options::stay>},
    {"plan", nullptr, bit(Command::get), "tell who holds what and how long it may take; no more",
     set_switch<&Options::plan>},
    {"explain", nullptr, bit(Command::get), "tell afterwards where the time went",
     set_switch<&Options::explain>},
    {"rename", nullptr, bit(Command::get),
     "if the name is taken by other content, save as 'NAME (1).EXT'", set_switch<&Options::rename>},
    {"json", nullptr, everywhere, "events on stdout, one JSON object a line",
     set_switch<&Options::json>},
    {"search", nullptr, bit(Command::get) | bit(Command::prompt),
     "what no known host has is searched for beyond them", set_switch<&Options::search_beyond>},
    search_row<0>(),
    search_row<1>(),
    search_row<2>(),
    search_row<3>(),
    search_row<4>(),
    search_row<5>(),
    search_row<6>(),
    search_row<7>(),
    search_row<8>(),
    {"progress", "WHEN", with_orders, "auto (on a terminal), always or never", set_progress},
    {"log-level", "LEVEL", everywhere, "error, warning, info (default) or debug", set_log_level},
    {"log-file", "FILE", everywhere, "append the log to FILE instead of stderr",
     [](Options& o, Text v) { return set_path(o.log_file, v); }},
};

// `option` does nothing unless one of `needed` is on.
struct Need {
    std::string_view option;
    std::vector<std::string_view> needed;
};
const Need needs[] = {
    {"cache-size", {"ftp-port", "json-port"}},
    {"ftp-users", {"ftp-port"}},
    {"ftp-anonymous", {"ftp-port"}},
    {"ftp-threads", {"ftp-port"}},
    {"ftp-clients-per-thread", {"ftp-port"}},
    {"ftp-clients-per-address", {"ftp-port"}},
    {"ftp-passive-ports", {"ftp-port"}},
    {"ftp-advertise", {"ftp-port"}},
    {"ftp-idle", {"ftp-port"}},
    {"json-threads", {"json-port"}},
    {"json-allow", {"json-port"}},
    {"json-write", {"json-port"}},
};

struct Clash {
    std::string_view option, other;
    const char* why;
};
constexpr Clash clashes[] = {
    {"explain", "plan", "a plan fetches nothing that could be explained"},
    {"rename", "plan", "a plan saves nothing"},
    {"ttl", "local", "to ask only the hosts known here is a TTL of 1"},
};

bool is_on(const Options& options, std::string_view port) {
    return (port == "ftp-port" ? options.ftp.port : options.json_gateway.port) != 0;
}

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
constexpr CommandRow commands_known[] = {
    {Command::prompt, "", "", "the peer, with a prompt; reads commands from a pipe, too", 0, 0},
    {Command::serve, "serve", "", "the peer without a prompt, for a service manager", 0, 0},
    {Command::get, "get", "NAME...", "fetch files or folders (NAME/), then end", 1, any_number},
    {Command::list, "list", "[PREFIX]", "what the swarm holds", 0, 1},
    {Command::search, "search", "QUESTION", "what hosts beyond those known here hold", 0,
     any_number},
    {Command::status, "status", "", "how the peer at --bind and --port fares", 0, 0},
    {Command::hash, "hash", "FILE...", "root and size of local files", 1, any_number},
    {Command::ftp_user, "ftp-user", "NAME", "a line for --ftp-users; the password comes from stdin",
     1, 1},
    {Command::call, "call", "REQUEST...", "ask the JSON gateway at --bind and --json-port", 1,
     any_number},
    {Command::help, "help", "[COMMAND]", "what a command does and takes", 0, 1},
};

}  // namespace

std::span<const OptionRow> option_table() {
    static const std::vector<OptionRow> all = [] {
        std::vector<OptionRow> rows(std::begin(common_options), std::end(common_options));
        const auto gateways = gateway_options();
        rows.insert(rows.end(), gateways.begin(), gateways.end());
        return rows;
    }();
    return all;
}

const OptionRow* find_option(std::string_view name) {
    for (const OptionRow& row : option_table()) {
        if (name == row.name) {
            return &row;
        }
    }
    return nullptr;
}

std::vector<std::string> option_names() {
    std::vector<std::string> names{"config", "help", "version"};
    for (const OptionRow& row : option_table()) {
        names.emplace_back(row.name);
    }
    return names;
}

Status check_pairs(const Options& options, const std::vector<std::string_view>& given) {
    const auto has = [&given](std::string_view option) {
        return std::find(given.begin(), given.end(), option) != given.end();
    };
    for (const Need& need : needs) {
        const bool met = std::any_of(need.needed.begin(), need.needed.end(),
                                     [&](std::string_view port) { return is_on(options, port); });
        if (has(need.option) && !met) {
            std::string wanted;
            for (const std::string_view port : need.needed) {
                wanted += (wanted.empty() ? "--" : " or --") + std::string(port);
            }
            return allowed("option '--" + std::string(need.option) + "' does nothing without " +
                           wanted);
        }
    }
    for (const Clash& clash : clashes) {
        if (has(clash.option) && has(clash.other)) {
            return allowed("option '--" + std::string(clash.option) + "' does nothing beside --" +
                           std::string(clash.other) + ": " + clash.why);
        }
    }
    return {};
}

std::span<const CommandRow> command_table() { return commands_known; }

const CommandRow* find_command(std::string_view name) {
    for (const CommandRow& row : commands_known) {
        if (!name.empty() && name == row.name) {
            return &row;
        }
    }
    return nullptr;
}

const CommandRow& row_of(Command command) {
    return commands_known[static_cast<std::size_t>(command)];
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const CommandRow& row : commands_known) {
        if (*row.name != '\0') {
            names.emplace_back(row.name);
        }
    }
    return names;
}

}  // namespace shoal::cli
