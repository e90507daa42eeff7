// The commands that run no peer: help, hash, status.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "json.hpp"
#include "option_table.hpp"
#include "output.hpp"
#include "report.hpp"
#include "shoal/base/text.hpp"
#include "shoal/cli/commands.hpp"

namespace shoal::cli {
namespace {

constexpr Duration forever = std::chrono::hours(24 * 365);  // a pager may be read slowly

int exit_code(const Output& output, int wanted) { return output.failure() != 0 ? 1 : wanted; }

std::string hash_line(const peer::LocalHash& hash, const std::string& path, bool json) {
    if (json) {
        return JsonObject()
                   .text("event", "hash")
                   .text("name", path)
                   .number("size", hash.size)
                   .text("root", hash.root)
                   .number("chunks", hash.chunks)
                   .number("chunk_size", hash.chunk_size)
                   .str() +
               "\n";
    }
    return hash.root + "  " + std::to_string(hash.size) + "  " + text::escape(path) + "\n";
}

}  // namespace

int exit_code_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::bad_input:
            return static_cast<int>(peer::Outcome::usage);
        case ErrorKind::closed:
            return static_cast<int>(peer::Outcome::no_host);
        case ErrorKind::forbidden:
            return static_cast<int>(peer::Outcome::not_let_in);
        default:
            return static_cast<int>(peer::Outcome::failed);
    }
}

int print(std::string_view text) {
    Output output;
    output.out(text);
    output.flush(forever);
    return exit_code(output, 0);
}

int complain(std::string_view message, int exit_code) {
    Output output;
    output.err("shoal: " + std::string(message) + "\n");
    output.flush(std::chrono::seconds(5));
    return exit_code;
}

void fill_standard_descriptors() {
    for (int fd = 0; fd < 3; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            // The lowest free number is taken; reading a write-only one fails, and the reverse.
            static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == fd);
        }
    }
}

Status open_log(const Options& options) {
    log::set_level(options.log_level);
    return options.log_file.empty() ? Status{} : log::open_file(options.log_file);
}

int run_help(const Options& options) {
    const bool named = !options.arguments.empty();
    return print(
        help_text(named ? find_command(options.arguments.front())->command : Command::help));
}

int run_hash(const Options& options) {
    int worst = 0;
    for (const std::string& path : options.arguments) {
        const auto hash = peer::hash_local_file(path);
        if (!hash) {
            worst = complain(hash.error().message, 1);
        } else if (print(hash_line(*hash, path, options.json)) != 0) {
            return 1;  // nobody reads on
        }
    }
    return worst;
}

int run_status(const Options& options) {
    const std::string address = options.peer.bind.empty() ? "127.0.0.1" : options.peer.bind;
    const auto report =
        peer::ask_status(address, options.peer.port, options.peer.secret_file, options.timeout);
    if (!report) {
        return complain(report.error().message, exit_code_of(report.error().kind));
    }
    return print(options.json ? json_line(*report) : status_lines(*report));
}

}  // namespace shoal::cli
