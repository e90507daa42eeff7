#include "peer/listener.hpp"

#include <fcntl.h>

#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::peer {

namespace {
constexpr int accepts_per_turn = 64;
// Evicted clients that the reader has not let go yet. Beyond, nobody is let in meanwhile, and the
// kernel keeps those who come.
constexpr std::size_t leaving_max = 16;
constexpr Duration parting_time = 500ms;
constexpr std::size_t parting_max = 64;
}  // namespace

Listener::Listener(Wiring& wiring, Fd listening)
    : wiring_(wiring),
      listening_(std::move(listening)),
      places_(wiring.options.max_clients, leaving_max) {
    make_room();
}

void Listener::make_room() { spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

Status Listener::run() {
    if (Status watched = poller_.watch(wiring_.listener.fd(), true, false); !watched) {
        return watched;
    }
    bool accepting = true;
    while (true) {
        if (Status watched =
                poller_.watch(listening_.get(), accepting && !places_.crowded(), false);
            !watched) {
            return watched;
        }
        // Without descriptors the socket would stay readable and spin; look again later.
        const bool waits = accepting && parting_.empty();
        const auto timeout = waits ? std::nullopt : std::optional<Duration>(100ms);
        for (const net::Ready& ready : poller_.wait(timeout)) {
            if (ready.fd == wiring_.listener.fd() && !take_mail()) {
                return {};
            }
        }
        close_parted(steady_now());
        accepting = accept_all();
    }
}

bool Listener::take_mail() {
    for (const ListenerMail& mail : wiring_.listener.take()) {
        if (std::holds_alternative<Stop>(mail)) {
            return false;
        }
        if (const auto* proven = std::get_if<ClientProven>(&mail)) {
            places_.prove(proven->place);
        } else {
            places_.leave(std::get<ClientGone>(mail).place);
        }
    }
    return true;
}

bool Listener::accept_all() {
    for (int i = 0; i < accepts_per_turn && !places_.crowded(); ++i) {
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
                parting_.clear();
                if (turned_away.fd) {
                    refuse(std::move(turned_away.fd));
                    parting_.clear();
                }
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
    if (socket.get() >= net::SelectPoller::fd_end()) {
        return refuse(std::move(socket));
    }
    const net::Places::Id place = next_place_++;
    const net::Places::Verdict verdict =
        places_.take(place, address, wiring_.options.max_clients_per_address);
    if (verdict.entry != net::Places::Entry::admitted) {
        return refuse(std::move(socket));
    }
    if (verdict.evicted) {
        wiring_.reader.post(Evict{*verdict.evicted});
    }
    net::set_no_delay(socket.get());
    wiring_.reader.post(NewClient{std::move(socket), address, place});
}

void Listener::close_parted(TimePoint now) {
    while (!parting_.empty() && parting_.front().first <= now) {
        parting_.pop_front();
    }
}

// A defined answer, then close: the client learns why.
void Listener::refuse(Fd socket) {
    protocol::serverMessage message;
    message.type = static_cast<std::uint16_t>(protocol::ServerType::answer);
    message.status = static_cast<std::uint16_t>(protocol::Status::busy);
    (void)net::send(socket.get(), protocol::encode(message), false);
    net::end_sending(socket.get());
    if (parting_.size() >= parting_max) {
        parting_.pop_front();
    }
    parting_.emplace_back(steady_now() + parting_time, std::move(socket));
    if (wiring_.figures.refused.fetch_add(1) == 0) {
        log::warning(
            "a connection was turned away: the limit of clients is reached "
            "(--max-clients, --max-clients-per-address)");
    }
}

}  // namespace shoal::peer
