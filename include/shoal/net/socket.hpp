// Sockets: making them, and the calls on them, wrapped once. Every socket is non-blocking,
// close-on-exec; EINTR is retried here and nowhere else. send() never raises SIGPIPE, but
// sendfile(2) takes no MSG_NOSIGNAL: main ignores that signal for the whole process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <utility>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/net/address.hpp"

namespace shoal::net {

// What one read or write attempt came to.
struct Transfer {
    enum class State { moved, would_block, closed, failed };
    State state{State::would_block};
    std::size_t bytes{0};  // > 0 exactly when moved
    int error{0};          // errno when failed, or when closed by a reset; else 0
};

// Listens with SO_REUSEADDR; an IPv6 wildcard takes IPv4 too.
// The error names address and port and says what to do when they are in use.
Result<Fd> listen_on(const Address& address, int backlog);

// Starts a connect. `from` with a family, unless a wildcard, binds the local side first (its port
// is not used).
Result<Fd> start_connect(const Address& to, const Address& from);
// The outcome of a connect once the socket is writable: 0 or an errno. A socket that came to be
// connected to itself counts as ECONNREFUSED.
int connect_outcome(int fd);

struct Accepted {
    enum class State { connection, none, descriptor_limit, failed };
    State state{State::none};
    Fd fd;
    Address peer;
    int error{0};
};
Accepted accept_one(int listener);

Transfer receive(int fd, std::span<std::uint8_t> into);
Transfer send(int fd, std::span<const std::uint8_t> bytes, bool more_follows);
// From `file` at `offset` to `socket`. Here `closed` means that the file ended early; a peer that
// went away is `failed` with EPIPE or ECONNRESET.
Transfer send_file(int socket, int file, std::uint64_t offset, std::size_t count);

// No more will be sent: the other side reads an end of file, and may go on sending.
void end_sending(int fd);
// Bytes that were sent and not acknowledged by the other side's kernel, an end of file counting as
// one; 0 for what is no connection.
std::size_t unacknowledged(int fd);

Address local_address(int fd);
Address peer_address(int fd);

// The other side sends no more, and all that it sent has been received. Does not wait.
[[nodiscard]] bool at_end(int fd);

void set_no_delay(int fd);
// At most this much unsent data waits in the kernel (TCP_NOTSENT_LOWAT), so that decisions
// stay in user space.
void set_unsent_limit(int fd, std::uint32_t bytes);
// Room for this much received data from the start. Unlike SO_RCVBUF this neither ends the
// kernel's own growing of it nor is cut to rmem_max.
void make_receive_room(int fd, std::uint32_t bytes);
// A dead peer is noticed after about `seconds` though it sends no FIN (keepalive and
// TCP_USER_TIMEOUT).
void set_dead_peer_timeout(int fd, unsigned seconds);

}  // namespace shoal::net
