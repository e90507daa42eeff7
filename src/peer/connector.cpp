#include "peer/connector.hpp"

#include <cerrno>
#include <cstring>

#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

Connector::Connector(Wiring& wiring, net::HostsFile hosts)
    : wiring_(wiring),
      hosts_(std::move(hosts)),
      plan_(wiring.identity.node, wiring.identity.secret.present()) {
    warnings_ = hosts_.text().warnings;
    plan_.handle_hosts(hosts_.text().hosts, steady_now());
}

Status Connector::run() {
    if (Status watched = poller_.watch(wiring_.connector.fd(), true, false); !watched) {
        return watched;
    }
    next_round_ = steady_now();
    while (true) {
        TimePoint now = steady_now();
        if (now >= next_round_) {
            next_round_ = now + DialPlan::retry_every;
            read_hosts(now);
            give_up_late_ones(now);
            look_up(now);
        }
        dial_due(steady_now());
        report();
        const Duration wait = std::max(next_round_ - steady_now(), Duration::zero());
        const std::vector<net::Ready> ready_now = poller_.wait(wait);
        now = steady_now();
        for (const net::Ready& ready : ready_now) {
            if (ready.fd == resolver_.fd()) {
                take_names(now);
            } else if (ready.fd != wiring_.connector.fd()) {
                finish_attempt(ready.fd, now);
            } else if (!take_mail(now)) {
                return {};
            }
        }
    }
}

bool Connector::take_mail(TimePoint now) {
    for (const ConnectorMail& mail : wiring_.connector.take()) {
        if (std::holds_alternative<Stop>(mail)) {
            return false;
        }
        if (const auto* back = std::get_if<DialBack>(&mail)) {
            changed_ |= plan_.handle_dial_back(back->address, back->node, now);
        } else if (const auto* pick = std::get_if<Pick>(&mail)) {
            for (const net::Address& host : pick->hosts) {
                plan_.handle_pick(host, now);
            }
            changed_ = true;
        } else if (const auto* unpick = std::get_if<Unpick>(&mail)) {
            for (const net::Address& host : unpick->hosts) {
                plan_.handle_unpick(host);
            }
            changed_ = true;
        } else if (std::holds_alternative<Reload>(mail)) {
            hosts_.distrust();
            next_round_ = now;
        } else {
            take_verdict(std::get<DialVerdict>(mail), now);
        }
    }
    return true;
}

void Connector::take_verdict(const DialVerdict& verdict, TimePoint now) {
    switch (verdict.kind) {
        case DialVerdict::Kind::up:
            plan_.handle_up(verdict.address, verdict.node);
            break;
        case DialVerdict::Kind::self:
            plan_.handle_self(verdict.address);
            break;
        case DialVerdict::Kind::duplicate:
            plan_.handle_duplicate(verdict.address, verdict.node);
            break;
        case DialVerdict::Kind::refused:
            plan_.handle_refused(verdict.address, verdict.why, now, verdict.reason);
            break;
        case DialVerdict::Kind::silent:
            plan_.handle_silent(verdict.address, verdict.why, now, verdict.reason);
            break;
        case DialVerdict::Kind::down:
            plan_.handle_down(verdict.address, verdict.why, now, verdict.reason);
            break;
    }
    changed_ = true;
}

void Connector::read_hosts(TimePoint now) {
    const Result<bool> read = hosts_.refresh();
    if (!read) {
        warnings_.push_back(read.error().message);
        changed_ = true;
    } else if (*read) {
        warnings_.insert(warnings_.end(), hosts_.text().warnings.begin(),
                         hosts_.text().warnings.end());
        plan_.handle_hosts(hosts_.text().hosts, now);
        changed_ = true;
    }
}

void Connector::look_up(TimePoint now) {
    changed_ |= plan_.handle_slow_lookups(now);
    changed_ |= plan_.handle_long_unheard(now);
    while (resolver_.has_room()) {
        const auto name = plan_.next_lookup(now);
        if (!name) {
            return;
        }
        plan_.handle_lookup(*name, now);
        Status asked = resolver_.ask(*name);
        if (asked) {
            asked = poller_.watch(resolver_.fd(), true, false);
        }
        if (!asked) {
            plan_.handle_unresolved(*name, asked.error().message, now + DialPlan::lookup_again);
            changed_ = true;
        }
    }
}

void Connector::take_names(TimePoint now) {
    for (const net::Resolver::Answer& answer : resolver_.take()) {
        if (answer.addresses) {
            plan_.handle_resolved(answer.name, *answer.addresses);
        } else {
            plan_.handle_unresolved(answer.name, answer.addresses.error().message,
                                    now + DialPlan::lookup_again);
        }
        changed_ = true;
    }
    if (resolver_.idle()) {
        poller_.forget(resolver_.fd());
        resolver_.stop();
    }
}

void Connector::dial_due(TimePoint now) {
    for (const net::Address& address : plan_.due(now)) {
        if (attempts_.size() >= limits::dials_beside(wiring_.options.max_clients)) {
            return;
        }
        dial(address, now);
    }
}

void Connector::dial(const net::Address& address, TimePoint now) {
    plan_.handle_dialling(address, now);
    const bool wildcard =
        wiring_.identity.bind.is_any() || wiring_.identity.bind.family() != address.family();
    Result<Fd> socket =
        net::start_connect(address, wildcard ? net::Address() : wiring_.identity.bind.with_port(0));
    if (!socket) {
        changed_ |= plan_.handle_failed(address, socket.error().message, now);
        return;
    }
    const int fd = socket->get();
    if (Status watched = poller_.watch(fd, false, true); !watched) {
        changed_ |= plan_.handle_failed(address, watched.error().message, now);
        return;
    }
    attempts_.emplace(fd, Attempt{std::move(*socket), address, now + DialPlan::attempt_max});
}

void Connector::finish_attempt(int fd, TimePoint now) {
    const auto found = attempts_.find(fd);
    if (found == attempts_.end()) {
        return;
    }
    Attempt attempt = std::move(found->second);
    attempts_.erase(found);
    poller_.forget(fd);
    if (const int error = net::connect_outcome(fd); error != 0) {
        changed_ |= plan_.handle_failed(attempt.address, std::strerror(error), now);
        return;
    }
    net::set_no_delay(fd);
    plan_.handle_handed_over(attempt.address);
    changed_ = true;
    wiring_.requester.post(NewServer{std::move(attempt.socket), attempt.address,
                                     plan_.from_hosts_file(attempt.address),
                                     plan_.known_as(attempt.address)});
}

void Connector::give_up_late_ones(TimePoint now) {
    for (auto entry = attempts_.begin(); entry != attempts_.end();) {
        if (entry->second.deadline > now) {
            ++entry;
            continue;
        }
        poller_.forget(entry->first);
        changed_ |= plan_.handle_failed(entry->second.address, "no answer", now);
        entry = attempts_.erase(entry);
    }
}

void Connector::report() {
    if (!changed_) {
        return;
    }
    changed_ = false;
    wiring_.requester.post(HostTable{plan_.rows(), plan_.unsettled(), std::exchange(warnings_, {}),
                                     plan_.unheard(), plan_.awaited(), plan_.unasked()});
}

}  // namespace shoal::peer
