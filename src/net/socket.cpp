#include "shoal/net/socket.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace shoal::net {
namespace {

// Repeats a system call that a signal interrupted.
template <typename Call>
auto retry(Call&& call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

int set_option(int fd, int level, int option, int value) {
    return ::setsockopt(fd, level, option, &value, sizeof value);
}

// For options that only make things better: a kernel that refuses one costs comfort, no data.
void tune(int fd, int level, int option, std::uint64_t value) {
    const auto bounded = std::min<std::uint64_t>(value, INT32_MAX);
    static_cast<void>(set_option(fd, level, option, static_cast<int>(bounded)));
}

Fd make_socket(int family) {
    return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

Error listen_error(const Address& address, int error_number) {
    Error error = system_error("cannot listen on " + address.to_string(), error_number);
    if (error_number == EADDRINUSE) {
        error.message +=
            "; is another peer running here? choose another address with --bind or port with "
            "--port";
    } else if (error_number == EADDRNOTAVAIL) {
        error.message += "; --bind takes an address of this host";
    } else if (error_number == EACCES) {
        error.message += "; ports below 1024 need privilege, choose another with --port";
    }
    return error;
}

// Binds the local side, leaving the port to connect(), which can then share ports among peers.
int bind_source(int fd, const Address& from) {
    tune(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const Address source = from.with_port(0);
    return ::bind(fd, source.raw(), source.raw_size());
}

Transfer outcome(ssize_t moved) {
    if (moved > 0) {
        return {Transfer::State::moved, static_cast<std::size_t>(moved), 0};
    }
    if (moved == 0) {
        return {Transfer::State::closed, 0, 0};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return {Transfer::State::would_block, 0, 0};
    }
    return {Transfer::State::failed, 0, errno};
}

// A reset or a broken pipe is the other side going away as well.
Transfer with_resets_closed(Transfer transfer) {
    if (transfer.error == ECONNRESET || transfer.error == EPIPE) {
        transfer.state = Transfer::State::closed;
    }
    return transfer;
}

template <typename Call>
Address address_by(Call call, int fd) {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    if (call(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) {
        return {};
    }
    return Address::from_sockaddr(raw).value_or(Address{});
}

}  // namespace

Result<Fd> listen_on(const Address& address, int backlog) {
    Fd fd = make_socket(address.family());
    const bool any_v6 = address.family() == AF_INET6 && address.is_any();
    if (!fd || set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
        (any_v6 && set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0) != 0) ||
        ::bind(fd.get(), address.raw(), address.raw_size()) != 0 ||
        ::listen(fd.get(), backlog) != 0) {
        return listen_error(address, errno);
    }
    return fd;
}

Result<Fd> start_connect(const Address& to, const Address& from) {
    const bool bind_first = from.family() != AF_UNSPEC && !from.is_any();
    std::string what = "cannot connect to " + to.to_string();
    if (bind_first) {
        what += " from " + from.host();
        if (from.family() != to.family()) {
            return system_error(what, EAFNOSUPPORT);
        }
    }
    Fd fd = make_socket(to.family());
    if (!fd || (bind_first && bind_source(fd.get(), from) != 0)) {
        return system_error(what, errno);
    }
    // Interrupted, a non-blocking connect goes on by itself; calling again would be an error.
    if (::connect(fd.get(), to.raw(), to.raw_size()) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        return system_error(what, errno);
    }
    return fd;
}

int connect_outcome(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    // TCP's simultaneous open lets a socket whose own port was picked for it connect to itself.
    if (error == 0 && local_address(fd) == peer_address(fd)) {
        return ECONNREFUSED;
    }
    return error;
}

Accepted accept_one(int listener) {
    for (;;) {
        sockaddr_storage raw{};
        socklen_t size = sizeof raw;
        Fd fd(::accept4(listener, reinterpret_cast<sockaddr*>(&raw), &size,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd) {
            return {Accepted::State::connection, std::move(fd),
                    Address::from_sockaddr(raw).value_or(Address{}), 0};
        }
        switch (errno) {
            case EINTR:
            case ECONNABORTED:  // that client gave up in the queue; the next may not have
            case EPROTO:
                continue;
            case EAGAIN:
                return {Accepted::State::none, {}, {}, 0};
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM:
                return {Accepted::State::descriptor_limit, {}, {}, errno};
            default:
                return {Accepted::State::failed, {}, {}, errno};
        }
    }
}

Transfer receive(int fd, std::span<std::uint8_t> into) {
    if (into.empty()) {  // recv() would say 0, which is also how it says closed
        return {};
    }
    return with_resets_closed(
        outcome(retry([&] { return ::recv(fd, into.data(), into.size(), 0); })));
}

Transfer send(int fd, std::span<const std::uint8_t> bytes, bool more_follows) {
    if (bytes.empty()) {
        return {};
    }
    const int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
    return with_resets_closed(
        outcome(retry([&] { return ::send(fd, bytes.data(), bytes.size(), flags); })));
}

Transfer send_file(int socket, int file, std::uint64_t offset, std::size_t count) {
    if (count == 0) {
        return {};
    }
    auto position = static_cast<off_t>(offset);
    return outcome(retry([&] { return ::sendfile(socket, file, &position, count); }));
}

void end_sending(int fd) {
    static_cast<void>(::shutdown(fd, SHUT_WR));  // it fails when there is nobody to tell
}

std::size_t unacknowledged(int fd) {
    int bytes = 0;
    return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

Address local_address(int fd) { return address_by(::getsockname, fd); }
Address peer_address(int fd) { return address_by(::getpeername, fd); }

bool at_end(int fd) {
    std::uint8_t next{};
    return ::recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void set_no_delay(int fd) { tune(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

void set_unsent_limit(int fd, std::uint32_t bytes) {
    tune(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes);
}

// A low-water mark must fit the buffer, so the kernel widens it for one; it stays wide.
void make_receive_room(int fd, std::uint32_t bytes) {
    tune(fd, SOL_SOCKET, SO_RCVLOWAT, bytes);
    tune(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
}

void set_dead_peer_timeout(int fd, unsigned seconds) {
    tune(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    tune(fd, IPPROTO_TCP, TCP_KEEPIDLE, std::max(1U, seconds / 2));
    tune(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1U, seconds / 6));
    tune(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    tune(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, std::uint64_t{seconds} * 1000);
}

}  // namespace shoal::net
