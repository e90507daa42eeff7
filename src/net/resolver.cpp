#include "shoal/net/resolver.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include "shoal/base/text.hpp"

namespace shoal::net {
namespace {

constexpr std::size_t message_max = 4096;  // the longest: 16 addresses, or an error's text

std::string_view next_line(std::string_view& rest) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    return line;
}

// Signals as a program finds them that a shell has started; the socket as standard input.
struct SpawnSettings {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};

    explicit SpawnSettings(int socket) {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_adddup2(&files, socket, STDIN_FILENO);
        ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawnattr_init(&attributes);
        sigset_t none;
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    }
    ~SpawnSettings() {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&files);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

// HOST, then "ok" and an address a line, or "absent" or "failed" and why.
std::string encode_answer(const NameAnswer& answer) {
    std::string bytes = answer.host;
    if (!answer.addresses) {
        const Error& error = answer.addresses.error();
        return bytes + (error.kind == ErrorKind::not_found ? "\nabsent\n" : "\nfailed\n") +
               error.message;
    }
    bytes += "\nok";
    for (const Address& address : *answer.addresses) {
        bytes += '\n' + address.host();
    }
    return bytes;
}

std::optional<NameAnswer> decode_answer(std::string_view bytes) {
    std::string host(next_line(bytes));
    const std::string_view how = next_line(bytes);
    if (host.empty() || (how != "ok" && how != "absent" && how != "failed")) {
        return std::nullopt;
    }
    if (how != "ok") {
        const ErrorKind kind = how == "absent" ? ErrorKind::not_found : ErrorKind::system;
        return NameAnswer{std::move(host), Error{kind, std::string(next_line(bytes))}};
    }
    std::vector<Address> addresses;
    while (!bytes.empty()) {
        const auto address = Address::parse_numeric(next_line(bytes), 0);
        if (!address) {
            return std::nullopt;
        }
        addresses.push_back(*address);
    }
    return NameAnswer{std::move(host), std::move(addresses)};
}

// In this process ------------------------------------------------------------------------------

Status Resolver::start() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return system_error("cannot look up names: cannot make a pair of sockets", errno);
    }
    Fd here(ends[0]);
    const Fd there(ends[1]);
    if (::fcntl(here.get(), F_SETFL, O_NONBLOCK) != 0) {
        return system_error("cannot look up names", errno);
    }
    const SpawnSettings settings(there.get());
    std::array<char*, 3> arguments{const_cast<char*>("shoal"), const_cast<char*>(resolver_argument),
                                   nullptr};
    if (const int error = ::posix_spawn(&process_, program_.c_str(), &settings.files,
                                        &settings.attributes, arguments.data(), environ);
        error != 0) {
        process_ = -1;
        return system_error("cannot look up names: cannot start '" + program_ + "'", error);
    }
    socket_ = std::move(here);
    return {};
}

Status Resolver::ask(const HostName& name) {
    if (!socket_) {
        if (Status started = start(); !started) {
            return started;
        }
    }
    if (::send(socket_.get(), name.host.data(), name.host.size(), MSG_NOSIGNAL) < 0) {
        const int error = errno;
        if (asked_.empty()) {
            stop();  // the next begins with another process; else take() hears of the end
        }
        return system_error("cannot look up '" + text::escape(name.host) + "'", error);
    }
    asked_.insert(name);
    return {};
}

void Resolver::answer(const NameAnswer& from, std::vector<Answer>& answers) {
    std::erase_if(asked_, [&](const HostName& name) {
        if (name.host != from.host) {
            return false;
        }
        Result<std::vector<Address>> addresses = from.addresses;
        if (addresses && addresses->empty()) {
            addresses = Error{ErrorKind::not_found,
                              "host '" + text::escape(name.host) + "' has no address"};
        } else if (addresses) {
            for (Address& address : *addresses) {
                address = address.with_port(name.port);
            }
        }
        answers.push_back({name, std::move(addresses)});
        return true;
    });
}

std::vector<Resolver::Answer> Resolver::take() {
    std::vector<Answer> answers;
    std::array<char, message_max> bytes;
    while (!asked_.empty()) {
        const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            break;
        }
        if (got <= 0) {  // somebody has ended it
            for (const HostName& name : std::exchange(asked_, {})) {
                answers.push_back(
                    {name, Error{ErrorKind::system, "the process that looks up names has ended"}});
            }
            break;
        }
        if (const auto told = decode_answer({bytes.data(), static_cast<std::size_t>(got)})) {
            answer(*told, answers);
        }
    }
    return answers;
}

void Resolver::stop() {
    asked_.clear();
    socket_.reset();
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = -1;
    }
}

// In the other ---------------------------------------------------------------------------------

// The main thread only listens, so that it hears at once when nobody is left to answer to.
int run_resolver(int fd) {
    ::prctl(PR_SET_NAME, "shoal-names");
    for (const int number : {SIGINT, SIGHUP, SIGQUIT}) {
        std::signal(number, SIG_IGN);  // the keyboard's are for the peer, which ends this process
    }
    std::array<char, message_max> bytes;
    for (;;) {
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            ::_exit(0);  // not exit(): threads are at work
        }
        const auto look_up = [fd, host = std::string(bytes.data(), static_cast<std::size_t>(got))] {
            const std::string told = encode_answer({host, resolve({host, 0})});
            static_cast<void>(::send(fd, told.data(), told.size(), MSG_NOSIGNAL) > 0);
        };
        try {
            std::thread(look_up).detach();
        } catch (const std::system_error&) {
            look_up();
        }
    }
}

}  // namespace shoal::net
