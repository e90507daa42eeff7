// Composes the parts: options, a front end, a peer.
#include <clocale>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "shoal/cli/commands.hpp"
#include "shoal/cli/options.hpp"
#include "shoal/peer/peer.hpp"

namespace {

using namespace shoal;

int run_with_peer(const cli::Options& options) {
    const auto front = cli::make_front_end(options);
    const auto ended = peer::run_peer(options.peer, *front);
    return ended ? *ended : cli::complain(ended.error().message, 1);
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
