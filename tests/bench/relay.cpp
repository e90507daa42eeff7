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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "limit.hpp"
#include "shoal/base/fd.hpp"

namespace {

using namespace shoal::bench;
using shoal::Fd;

constexpr std::uint16_t kPort = 7000;
constexpr int kTries = 5'000;  // a millisecond each: the one before may start later

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
    send_all(behind.get(), file.get(), status.st_size);
}

void pass_on(int socket, const std::uint8_t* bytes, std::size_t size) {
    while (size > 0) {
        const auto sent = checked(::send(socket, bytes, size, MSG_NOSIGNAL), "send");
        bytes += sent;
        size -= static_cast<std::size_t>(sent);
    }
}

void pass(const char* from, off_t size, const char* path, bool last) {
    const Fd door = last ? Fd() : listening();
    const Fd before = connected(from);
    const Fd file(checked(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path));
    const Fd behind = last ? Fd() : accepted(door);
    static std::array<std::uint8_t, 256 * 1024> buffer;
    for (off_t at = 0; at < size;) {
        const auto got = checked(::recv(before.get(), buffer.data(), buffer.size(), 0), "recv");
        if (got == 0) {
            fail("the one before went away");
        }
        const auto count = static_cast<std::size_t>(got);
        write_all(file.get(), buffer.data(), count, at);
        at += got;
        if (at == size) {
            std::puts("done");
            std::fflush(stdout);
        }
        if (!last) {
            pass_on(behind.get(), buffer.data(), count);
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
