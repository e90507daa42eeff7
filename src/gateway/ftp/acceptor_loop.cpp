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

void refuse(const Fd& socket, std::string_view why) {
    const std::string farewell = reply(421, why);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(farewell.data());
    static_cast<void>(net::send(socket.get(), std::span(bytes, farewell.size()), false));
}

}  // namespace

AcceptorLoop::AcceptorLoop(const Options& options, net::Acceptor acceptor)
    : options_(options), acceptor_(std::move(acceptor)), clients_(options.threads) {}

Status AcceptorLoop::run(std::span<WorkerBox* const> workers) {
    if (Status watched = poller_.watch(mailbox_.fd(), true, false); !watched) {
        return watched;
    }
    bool accepting = true;
    for (;;) {
        if (Status watched = poller_.watch(acceptor_.fd(), accepting, false); !watched) {
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
        forget(std::get<ClientGone>(mail));
    }
    return true;
}

void AcceptorLoop::forget(const ClientGone& gone) {
    --clients_[gone.worker];
    const auto entry = per_address_.find(gone.address);
    if (entry != per_address_.end() && --entry->second == 0) {
        per_address_.erase(entry);
    }
}

bool AcceptorLoop::accept_all(std::span<WorkerBox* const> workers) {
    for (int i = 0; i < accepts_per_turn; ++i) {
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
    const auto fewest = std::min_element(clients_.begin(), clients_.end());
    const std::string host = peer.host();
    const auto same = per_address_.find(host);
    if (*fewest >= options_.clients_per_thread) {
        refuse(socket, "Too many clients, try again later.");
        if (!std::exchange(said_full_, true)) {
            log::warning(
                "an FTP client was turned away: the limit is reached (--ftp-clients-per-thread)");
        }
    } else if (same != per_address_.end() && same->second >= limit_for(peer)) {
        refuse(socket, "Too many clients from your address.");
    } else {
        ++*fewest;
        ++per_address_[host];
        workers[static_cast<std::size_t>(fewest - clients_.begin())]->post(
            NewClient{std::move(socket)});
    }
}

}  // namespace shoal::gateway::ftp
