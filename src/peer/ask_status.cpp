// `shoal status`: a client of one question.
#include "peer/server_link.hpp"
#include "peer/status.hpp"
#include "shoal/base/random.hpp"
#include "shoal/net/poller.hpp"
#include "shoal/net/socket.hpp"
#include "shoal/peer/peer.hpp"

namespace shoal::peer {

namespace {

// Drives the link until the report is here, the link dies, or `deadline`.
Result<StatusReport> converse(ServerLink& link, TimePoint deadline) {
    net::SelectPoller poller;
    std::optional<Result<StatusReport>> outcome;
    bool asked = false;
    while (!outcome) {
        const TimePoint now = steady_now();
        if (now >= deadline) {
            return Error{ErrorKind::closed, link.host + " does not answer"};
        }
        if (link.usable() && !asked) {
            asked = true;
            protocol::clientMessage question;
            question.type = static_cast<std::uint16_t>(protocol::ClientType::status);
            link.ask(question, nullptr, [&outcome](ServerLink&, const Reply& reply, TimePoint) {
                if (reply.is(protocol::ServerType::status)) {
                    outcome = parse_status(reply.payload);
                }
            });
        }
        link.flush(now);
        if (const Status watched = poller.watch(link.fd(), true, link.wants_to_send()); !watched) {
            return watched.error();
        }
        if (!poller.wait(deadline - now).empty()) {
            link.receive(limits::control_payload_max, now);
        }
        if (link.phase() == ServerLink::Phase::dead) {
            return Error{link.was_refused() ? ErrorKind::forbidden : ErrorKind::closed,
                         link.host + ": " + link.why_dead()};
        }
    }
    return *outcome;
}

}  // namespace

Result<StatusReport> ask_status(const std::string& address, std::uint16_t port,
                                const std::string& secret_file, Duration timeout) {
    const TimePoint deadline = steady_now() + timeout;
    const auto target = net::Address::parse_numeric(address.empty() ? "127.0.0.1" : address, port);
    if (!target) {
        return Error{ErrorKind::bad_input, "--bind '" + address + "' is not an address"};
    }
    Wiring wiring;
    random_bytes(wiring.identity.node.bytes);
    if (!secret_file.empty()) {
        Result<protocol::Secret> secret = protocol::Secret::load(secret_file);
        if (!secret) {
            return secret.error();
        }
        wiring.identity.secret = *secret;
    }
    Result<Fd> socket = net::start_connect(*target, net::Address());
    if (!socket) {
        return socket.error();
    }
    net::SelectPoller poller;
    if (const Status watched = poller.watch(socket->get(), false, true); !watched) {
        return watched.error();
    }
    const bool answered = !poller.wait(timeout).empty();
    const int error = answered ? net::connect_outcome(socket->get()) : ETIMEDOUT;
    if (error != 0) {
        Error failed = system_error("no peer answers at " + target->to_string(), error);
        failed.kind = ErrorKind::closed;
        return failed;
    }
    ServerLink link(SourceId{1}, NewServer{std::move(*socket), *target, false}, wiring,
                    steady_now());
    return converse(link, deadline);
}

}  // namespace shoal::peer
