// The limit that a transfer is measured against: one process sends a file with sendfile, another
// receives it into a buffer and writes it with pwrite; nothing is verified, or (hash) with one
// stream of SHA-256 over all of it.
//
//     probe FILE TARGET BUFFER-KIB [hash]
//
// prints "SECONDS SENDER-RSS-KIB RECEIVER-RSS-KIB". TARGET is made new.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "limit.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/integrity/sha256.hpp"

namespace {

using namespace shoal::bench;
using shoal::Fd;

// A connected pair on loopback, as two hosts would have it.
void connect_pair(Fd& one, Fd& other) {
    const Fd listening(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    checked(::bind(listening.get(), plain, size), "bind");
    checked(::listen(listening.get(), 1), "listen");
    checked(::getsockname(listening.get(), plain, &size), "getsockname");
    one.reset(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    checked(::connect(one.get(), plain, size), "connect");
    other.reset(checked(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
}

void receive_all(int socket, int file, off_t size, std::size_t buffer_size, bool hash) {
    std::vector<std::uint8_t> buffer(buffer_size);
    shoal::integrity::Sha256 stream;
    off_t at = 0;
    while (at < size) {
        std::size_t filled = 0;
        while (filled < buffer.size() && at + static_cast<off_t>(filled) < size) {
            const auto got =
                checked(::recv(socket, buffer.data() + filled, buffer.size() - filled, 0), "recv");
            if (got == 0) {
                fail("the sender went away");
            }
            filled += static_cast<std::size_t>(got);
        }
        if (hash) {
            stream.update(std::span(buffer).first(filled));
        }
        write_all(file, buffer.data(), filled, at);
        at += static_cast<off_t>(filled);
    }
    if (hash) {
        stream.finish();
    }
}

long peak_kib(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    return usage.ru_maxrss;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("usage: probe FILE TARGET BUFFER-KIB [hash]\n", stderr);
        return 2;
    }
    const Fd source(checked(::open(argv[1], O_RDONLY | O_CLOEXEC), argv[1]));
    struct stat status {};
    checked(::fstat(source.get(), &status), argv[1]);
    Fd sender;
    Fd receiver;
    connect_pair(sender, receiver);

    const auto start = std::chrono::steady_clock::now();
    const pid_t child = checked(::fork(), "fork");
    if (child == 0) {
        send_all(sender.get(), source.get(), status.st_size);
        ::_exit(0);
    }
    sender.reset();
    const Fd target(
        checked(::open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), argv[2]));
    const bool hash = argc > 4 && std::strcmp(argv[4], "hash") == 0;
    receive_all(receiver.get(), target.get(), status.st_size,
                std::strtoul(argv[3], nullptr, 10) * 1024, hash);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    int result = 0;
    checked(::waitpid(child, &result, 0), "waitpid");
    std::printf("%.4f %ld %ld\n", took.count(), peak_kib(RUSAGE_CHILDREN), peak_kib(RUSAGE_SELF));
    return result == 0 ? 0 : 1;
}
