// What the programs that measure a limit share: system calls that end the program when they fail.
#pragma once

#include <sys/sendfile.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace shoal::bench {

[[noreturn]] inline void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

template <typename Number>
Number checked(Number result, const char* what) {
    if (result < 0) {
        fail(what);
    }
    return result;
}

inline void send_all(int socket, int file, off_t size) {
    off_t at = 0;
    while (at < size) {
        const auto left = static_cast<std::size_t>(size - at);
        if (checked(::sendfile(socket, file, &at, left), "sendfile") == 0) {
            std::fputs("the file became shorter\n", stderr);
            std::exit(1);
        }
    }
}

inline void write_all(int file, const std::uint8_t* bytes, std::size_t size, off_t at) {
    while (size > 0) {
        const auto written = checked(::pwrite(file, bytes, size, at), "pwrite");
        bytes += written;
        size -= static_cast<std::size_t>(written);
        at += written;
    }
}

}  // namespace shoal::bench
