#include "peer/listener.hpp"

#include <fcntl.h>

#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::peer {

namespace {
constexpr int accepts_per_turn = 64;
}

Listener::Listener(Wiring& wiring, Fd listening)
    : wiring_(wiring), listening_(std::move(listening)) {
    make_room();
}

void Listener::make_room() { spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

Status Listener::run() {
    if (Status watched = poller_.watch(wiring_.listener.fd(), true, false); !watched) {
        return watched;
    }
    bool accepting = true;
    while (true) {
        if (Status watched = poller_.watch(listening_.get(), accepting, false); !watched) {
            return watched;
        }
        // Without descriptors the socket would stay readable and spin; look again later.
        const auto timeout = accepting ? std::nullopt : std::optional<Duration>(100ms);
        for (const net::Ready& ready : poller_.wait(timeout)) {
            if (ready.fd == wiring_.listener.fd() && !take_mail()) {
                return {};
            }
        }
        accepting = accept_all();
    }
}

bool Listener::take_mail() {
    for (const ListenerMail& mail : wiring_.listener.take()) {
        if (std::holds_alternative<Stop>(mail)) {
            return false;
        }
        const auto& gone = std::get<ClientGone>(mail);
        --clients_;
        const auto entry = per_address_.find(gone.address.host());
        if (entry != per_address_.end() && --entry->second == 0) {
            per_address_.erase(entry);
        }
    }
    return true;
}

bool Listener::accept_all() {
    for (int i = 0; i < accepts_per_turn; ++i) {
        net::Accepted accepted = net::accept_one(listening_.get());
        switch (accepted.state) {
            case net::Accepted::State::connection:
                admit(std::move(accepted.fd), accepted.peer);
                break;
            case net::Accepted::State::none:
                return true;
            case net::Accepted::State::descriptor_limit: {
                // Turn the first one away cleanly with the descriptor kept for this.
                spare_.reset();
                net::Accepted turned_away = net::accept_one(listening_.get());
                if (turned_away.fd) {
                    refuse(turned_away.fd);
                }
                turned_away.fd.reset();
                make_room();
                return false;
            }
            case net::Accepted::State::failed:
                log::warning(system_error("accepting a connection failed", accepted.error).message);
                return false;
        }
    }
    return true;
}

void Listener::admit(Fd socket, const net::Address& address) {
    std::uint32_t& from_there = per_address_[address.host()];
    const bool fits = clients_ < wiring_.options.max_clients &&
                      from_there < wiring_.options.max_clients_per_address &&
                      socket.get() < net::SelectPoller::fd_end();
    if (!fits) {
        refuse(socket);
        if (from_there == 0) {
            per_address_.erase(address.host());
        }
        return;
    }
    ++from_there;
    ++clients_;
    net::set_no_delay(socket.get());
    wiring_.reader.post(NewClient{std::move(socket), address});
}

// A defined answer, then close: the client learns why.
void Listener::refuse(const Fd& socket) {
    protocol::serverMessage message;
    message.type = static_cast<std::uint16_t>(protocol::ServerType::answer);
    message.status = static_cast<std::uint16_t>(protocol::Status::busy);
    (void)net::send(socket.get(), protocol::encode(message), false);
    if (wiring_.figures.refused.fetch_add(1) == 0) {
        log::warning(
            "a connection was turned away: the limit of clients is reached "
            "(--max-clients, --max-clients-per-address)");
    }
}

}  // namespace shoal::peer
