// The limit that a crowd is measured against: hosts in a row, each gets the file from the one
// before it, writes it down and passes it on as it comes. Every link carries the file once, by one
// connection; nothing is asked for, chosen or verified.
//
//     relay first FILE               listens and sends FILE to the one that connects
//     relay next ADDRESS SIZE FILE   gets SIZE bytes from there, writes FILE, passes them on;
//                                    prints "done" when it has all, and ends when it has passed all
//     relay last ADDRESS SIZE FILE   the same, with nobody behind it
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "shoal/base/fd.hpp"

namespace {

using shoal::Fd;

constexpr std::uint16_t kPort = 7000;
constexpr int kTries = 5'000;  // a millisecond each: the one before may start later

template <typename Number>
Number checked(Number result, const char* what) {
    if (result < 0) {
        std::perror(what);
        std::exit(1);
    }
    return result;
}

sockaddr_in address_of(const char* text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kPort);
    if (::inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        std::fprintf(stderr, "relay: %s is no IPv4 address\n", text);
        std::exit(2);
    }
    return address;
}

Fd tcp_socket() { return Fd(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")); }

Fd listening() {
    Fd socket = tcp_socket();
    const auto address = address_of("0.0.0.0");
    checked(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            "bind");
    checked(::listen(socket.get(), 1), "listen");
    return socket;
}

Fd accepted(const Fd& from) {
    return Fd(checked(::accept4(from.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
}

Fd connected(const char* to) {
    const auto address = address_of(to);
    for (int tries = 0;; ++tries) {
        Fd socket = tcp_socket();
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0) {
            return socket;
        }
        if (errno != ECONNREFUSED || tries == kTries) {
            checked(-1, to);
        }
        ::usleep(1'000);
    }
}

void send_file(const char* path) {
    const Fd file(checked(::open(path, O_RDONLY | O_CLOEXEC), path));
    struct stat status {};
    checked(::fstat(file.get(), &status), path);
    const Fd behind = accepted(listening());
    for (off_t at = 0; at < status.st_size;) {
        if (checked(::sendfile(behind.get(), file.get(), &at, 1U << 20), "sendfile") == 0) {
            std::fprintf(stderr, "relay: %s became shorter\n", path);
            std::exit(1);
        }
    }
}

// All of it, by `put(left, count)`, which says how much it took.
template <typename Put>
void all(const char* bytes, std::size_t count, const char* what, Put put) {
    while (count > 0) {
        const auto taken = static_cast<std::size_t>(checked(put(bytes, count), what));
        bytes += taken;
        count -= taken;
    }
}

void pass(const char* from, off_t size, const char* path, bool last) {
    const Fd door = last ? Fd() : listening();
    const Fd before = connected(from);
    const Fd file(checked(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path));
    const Fd behind = last ? Fd() : accepted(door);
    static std::array<char, 256 * 1024> buffer;
    for (off_t at = 0; at < size;) {
        const auto got = checked(::recv(before.get(), buffer.data(), buffer.size(), 0), "recv");
        if (got == 0) {
            std::fprintf(stderr, "relay: %s went away\n", from);
            std::exit(1);
        }
        const auto count = static_cast<std::size_t>(got);
        all(buffer.data(), count, path, [&](const char* bytes, std::size_t left) {
            const off_t place = at + static_cast<off_t>(bytes - buffer.data());
            return ::pwrite(file.get(), bytes, left, place);
        });
        at += got;
        if (at == size) {
            std::puts("done");
            std::fflush(stdout);
        }
        if (!last) {
            all(buffer.data(), count, "send", [&](const char* bytes, std::size_t left) {
                return ::send(behind.get(), bytes, left, MSG_NOSIGNAL);
            });
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view role = argc > 1 ? argv[1] : "";
    if (role == "first" && argc == 3) {
        send_file(argv[2]);
    } else if ((role == "next" || role == "last") && argc == 5) {
        pass(argv[2], std::atoll(argv[3]), argv[4], role == "last");
    } else {
        std::fputs("usage: relay first FILE | next|last ADDRESS SIZE FILE\n", stderr);
        return 2;
    }
    return 0;
}
