// Composes the parts: options, a front end, a peer.
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"
#include "shoal/base/wipe.hpp"
#include "shoal/cli/commands.hpp"
#include "shoal/cli/options.hpp"
#include "shoal/gateway/ftp/server.hpp"
#include "shoal/gateway/ftp/users.hpp"
#include "shoal/gateway/json/call.hpp"
#include "shoal/gateway/json/gateway.hpp"
#include "shoal/net/resolver.hpp"
#include "shoal/peer/peer.hpp"

namespace {

using namespace shoal;

using Services = std::vector<std::unique_ptr<peer::Service>>;

std::unique_ptr<peer::Service> make_ftp_gateway(const cli::Options& options) {
    const cli::FtpOptions& from = options.ftp;
    gateway::ftp::Options ftp;
    ftp.bind = options.peer.bind;
    ftp.port = from.port;
    ftp.threads = from.threads;
    ftp.clients_per_thread = from.clients_per_thread;
    ftp.clients_per_address = from.clients_per_address;
    ftp.users_file = from.users;
    // Whoever sets a secret does not mean to let everybody read by another door.
    ftp.anonymous = from.anonymous.value_or(options.peer.secret_file.empty());
    ftp.passive_low = from.passive_low;
    ftp.passive_high = from.passive_high;
    ftp.advertise = from.advertise;
    ftp.idle = from.idle;
    return gateway::ftp::make_server(std::move(ftp));
}

std::unique_ptr<peer::Service> make_json_gateway(const cli::Options& options) {
    gateway::json::GatewayOptions how;
    how.bind = options.peer.bind;
    how.port = options.json_gateway.port;
    how.threads = options.json_gateway.threads;
    how.endings = options.json_gateway.allow;
    how.write = options.json_gateway.write;
    how.secret_file = options.peer.secret_file;
    how.clients_max = options.peer.max_clients;
    how.clients_per_address_max = options.peer.max_clients_per_address;
    return gateway::json::make_gateway(std::move(how));
}

Services make_services(const cli::Options& options) {
    Services services;
    if (options.ftp.port != 0) {
        services.push_back(make_ftp_gateway(options));
    }
    if (options.json_gateway.port != 0 && !options.peer.one_shot) {
        services.push_back(make_json_gateway(options));
    }
    return services;
}

int run_call(const cli::Options& options) {
    gateway::json::CallOptions how;
    how.address = options.peer.bind.empty() ? "127.0.0.1" : options.peer.bind;
    how.port = options.json_gateway.port != 0 ? options.json_gateway.port : how.port;
    how.secret_file = options.peer.secret_file;
    how.timeout = options.timeout;
    how.input = options.json_gateway.input;
    how.output = options.json_gateway.output;
    const auto ended = gateway::json::call(how, options.arguments);
    return ended ? *ended
                 : cli::complain(ended.error().message, cli::exit_code_of(ended.error().kind));
}

int run_with_peer(const cli::Options& options) {
    const auto front = cli::make_front_end(options);
    const Services services = make_services(options);
    std::vector<peer::Service*> borrowed;
    for (const auto& service : services) {
        borrowed.push_back(service.get());
    }
    const auto ended = peer::run_peer(options.peer, *front, borrowed);
    return ended ? *ended : cli::complain(ended.error().message, 1);
}

int run_ftp_user(const cli::Options& options) {
    const std::string& name = options.arguments.front();
    leave_no_core();
    auto password = cli::read_password("Password for '" + text::escape(name) + "': ");
    if (!password) {
        return cli::complain(password.error().message, 1);
    }
    const auto rights =
        options.ftp.may_write ? gateway::ftp::Rights::write : gateway::ftp::Rights::read;
    const auto line = gateway::ftp::user_line(name, rights, *password);
    wipe(*password);
    return line ? cli::print(*line + "\n") : cli::complain(line.error().message, 2);
}

int run(const cli::Options& options) {
    if (options.version) {
        return cli::print(cli::version_text());
    }
    if (options.help) {
        return cli::print(cli::help_text(options.command));
    }
    if (const Status opened = cli::open_log(options); !opened) {
        return cli::complain(opened.error().message, 1);
    }
    switch (options.command) {
        case cli::Command::help:
            return cli::run_help(options);
        case cli::Command::status:
            return cli::run_status(options);
        case cli::Command::hash:
            return cli::run_hash(options);
        case cli::Command::ftp_user:
            return run_ftp_user(options);
        case cli::Command::call:
            return run_call(options);
        default:
            return run_with_peer(options);
    }
}

}  // namespace

int main(int argc, char** argv) {
    cli::fill_standard_descriptors();
    std::setlocale(LC_CTYPE, "");   // for what the terminal can show
    std::signal(SIGPIPE, SIG_IGN);  // write() says EPIPE instead
    if (argc == 2 && std::string_view(argv[1]) == net::resolver_argument) {
        return net::run_resolver(STDIN_FILENO);
    }
    try {
        const auto options = cli::parse_options(std::vector<std::string>(argv + 1, argv + argc));
        const int code = options ? run(*options) : cli::complain(options.error().message, 2);
        log::tell_left_out();
        return code;
    } catch (const std::exception& error) {
        return cli::complain(std::string("out of luck: ") + error.what(), 1);
    }
}
