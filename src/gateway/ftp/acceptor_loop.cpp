#include "gateway/ftp/acceptor_loop.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "gateway/ftp/reply.hpp"
#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {
constexpr int accepts_per_turn = 256;

// Evicted clients that their workers have not let go yet. Beyond, nobody is let in meanwhile.
constexpr std::size_t leaving_max = 64;

}  // namespace

AcceptorLoop::AcceptorLoop(const Options& options, net::Acceptor acceptor)
    : options_(options),
      acceptor_(std::move(acceptor)),
      places_(options.threads * options.clients_per_thread, leaving_max),
      clients_(options.threads) {}

Status AcceptorLoop::run(std::span<WorkerBox* const> workers) {
    if (Status watched = poller_.watch(mailbox_.fd(), true, false); !watched) {
        return watched;
    }
    bool accepting = true;
    for (;;) {
        if (Status watched = poller_.watch(acceptor_.fd(), accepting && !places_.crowded(), false);
            !watched) {
            return watched;
        }
        // Without descriptors the socket would stay readable and spin; look again later.
        poller_.wait(accepting ? std::nullopt : std::optional<Duration>(100ms));
        if (!take_mail()) {
            return {};
        }
        accepting = accept_all(workers);
    }
}

bool AcceptorLoop::take_mail() {
    for (const AcceptorMail& mail : mailbox_.take()) {
        if (std::holds_alternative<Stop>(mail)) {
            return false;
        }
        if (const auto* in = std::get_if<LoggedIn>(&mail)) {
            places_.prove(in->place);
        } else {
            forget(std::get<ClientGone>(mail).place);
        }
    }
    return true;
}

void AcceptorLoop::forget(Place place) {
    places_.leave(place);
    if (const auto worker = workers_of_.extract(place); !worker.empty()) {
        --clients_[worker.mapped()];
    }
}

bool AcceptorLoop::accept_all(std::span<WorkerBox* const> workers) {
    for (int i = 0; i < accepts_per_turn && !places_.crowded(); ++i) {
        net::Accepted accepted = acceptor_.accept();
        switch (accepted.state) {
            case net::Accepted::State::connection:
                admit(std::move(accepted.fd), accepted.peer, workers);
                break;
            case net::Accepted::State::none:
                return true;
            case net::Accepted::State::descriptor_limit:
                return false;
            case net::Accepted::State::failed:
                log::warning(
                    system_error("accepting an FTP connection failed", accepted.error).message);
                return false;
        }
    }
    return true;
}

unsigned AcceptorLoop::limit_for(const net::Address& peer) const {
    const unsigned all = options_.threads * options_.clients_per_thread;
    if (options_.clients_per_address > 0) {
        return options_.clients_per_address;
    }
    // Whoever sits on this host can exhaust it in simpler ways.
    return peer.is_loopback() ? all : std::max(1U, all / 4);
}

void AcceptorLoop::admit(Fd socket, const net::Address& peer, std::span<WorkerBox* const> workers) {
    const Place place = next_place_++;
    const net::Places::Verdict verdict = places_.take(place, peer, limit_for(peer));
    if (verdict.entry != net::Places::Entry::admitted) {
        return refuse(socket, verdict.entry);
    }
    if (verdict.evicted) {
        workers[workers_of_.at(*verdict.evicted)]->post(Evict{*verdict.evicted});
    }
    const auto fewest = std::min_element(clients_.begin(), clients_.end());
    const auto worker = static_cast<std::size_t>(fewest - clients_.begin());
    ++*fewest;
    workers_of_.emplace(place, worker);
    workers[worker]->post(NewClient{std::move(socket), place});
}

void AcceptorLoop::refuse(const Fd& socket, net::Places::Entry why) {
    const bool full = why == net::Places::Entry::full;
    const std::string farewell = reply(
        421, full ? "Too many clients, try again later." : "Too many clients from your address.");
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(farewell.data());
    static_cast<void>(net::send(socket.get(), std::span(bytes, farewell.size()), false));
    if (full && !std::exchange(said_full_, true)) {
        log::warning(
            "an FTP client was turned away: the limit is reached (--ftp-clients-per-thread)");
    }
}

}  // namespace shoal::gateway::ftp
