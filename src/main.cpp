// Composes the parts: options, a front end, a peer.
#include <clocale>
#include <csignal>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shoal/base/text.hpp"
#include "shoal/cli/commands.hpp"
#include "shoal/cli/options.hpp"
#include "shoal/gateway/ftp/server.hpp"
#include "shoal/gateway/ftp/users.hpp"
#include "shoal/peer/peer.hpp"

namespace {

using namespace shoal;

std::unique_ptr<peer::Service> make_ftp_gateway(const cli::Options& options) {
    const cli::FtpOptions& from = options.ftp;
    gateway::ftp::Options ftp;
    ftp.bind = options.peer.bind;
    ftp.port = from.port;
    ftp.threads = from.threads;
    ftp.clients_per_thread = from.clients_per_thread;
    ftp.clients_per_address = from.clients_per_address;
    ftp.users_file = from.users;
    ftp.anonymous = from.anonymous;
    ftp.passive_low = from.passive_low;
    ftp.passive_high = from.passive_high;
    ftp.advertise = from.advertise;
    ftp.idle = from.idle;
    return gateway::ftp::make_server(std::move(ftp));
}

int run_with_peer(const cli::Options& options) {
    const auto front = cli::make_front_end(options);
    std::vector<std::unique_ptr<peer::Service>> gateways;
    if (options.ftp.port != 0) {
        gateways.push_back(make_ftp_gateway(options));
    }
    std::vector<peer::Service*> services;
    for (const auto& gateway : gateways) {
        services.push_back(gateway.get());
    }
    const auto ended = peer::run_peer(options.peer, *front, services);
    return ended ? *ended : cli::complain(ended.error().message, 1);
}

int run_ftp_user(const cli::Options& options) {
    const std::string& name = options.arguments.front();
    const auto password = cli::read_password("Password for '" + text::escape(name) + "': ");
    if (!password) {
        return cli::complain(password.error().message, 1);
    }
    const auto rights =
        options.ftp.may_write ? gateway::ftp::Rights::write : gateway::ftp::Rights::read;
    const auto line = gateway::ftp::user_line(name, rights, *password);
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
        default:
            return run_with_peer(options);
    }
}

}  // namespace

int main(int argc, char** argv) {
    cli::fill_standard_descriptors();
    std::setlocale(LC_CTYPE, "");   // for what the terminal can show
    std::signal(SIGPIPE, SIG_IGN);  // write() says EPIPE instead
    try {
        const auto options = cli::parse_options(std::vector<std::string>(argv + 1, argv + argc));
        return options ? run(*options) : cli::complain(options.error().message, 2);
    } catch (const std::exception& error) {
        return cli::complain(std::string("out of luck: ") + error.what(), 1);
    }
}
