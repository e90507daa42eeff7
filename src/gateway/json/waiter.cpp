#include "gateway/json/waiter.hpp"

#include <algorithm>

#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::json {
namespace {

constexpr Duration handshake_time = std::chrono::seconds(10);
constexpr Duration leaving_time = std::chrono::seconds(2);
constexpr Duration sweep_after = std::chrono::seconds(2);
constexpr Duration accept_pause = std::chrono::milliseconds(100);
constexpr Duration drain_time = std::chrono::seconds(4);
constexpr Duration hand_back_time = std::chrono::milliseconds(800);
constexpr unsigned dead_client_seconds = 60;
constexpr int accepts_per_turn = 64;
constexpr std::size_t scratch_size = 16 * 1024;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Waiter::Waiter(net::Acceptor acceptor, const integrity::Secret& secret, std::uint32_t clients_max,
               std::uint32_t address_max, Shared& shared, std::shared_ptr<WaiterMailbox> mailbox,
               WorkQueue& queue)
    : acceptor_(std::move(acceptor)),
      secret_(secret),
      places_(clients_max),
      address_max_(address_max),
      shared_(shared),
      mailbox_(std::move(mailbox)),
      queue_(queue),
      scratch_(scratch_size) {}

Status Waiter::run() {
    if (Status watched = poller_.watch(mailbox_->fd(), true, false); !watched) {
        return watched;
    }
    while (!over()) {
        const bool accepting = !stop_deadline_ && !accept_again_;
        if (Status watched = poller_.watch(acceptor_.fd(), accepting, false); !watched) {
            return watched;
        }
        const auto ready = poller_.wait(timeout(steady_now()));
        const TimePoint now = steady_now();
        for (const net::Ready& one : ready) {
            if (one.fd == mailbox_->fd()) {
                take_mail();
            } else if (one.fd == acceptor_.fd()) {
                accept_all(now);
            } else {
                handle_ready(one, now);
            }
        }
        shared_.files.close_idle(now);
        if (accept_again_ && *accept_again_ <= now) {
            accept_again_.reset();
        }
        if (next_sweep_ && *next_sweep_ <= now) {
            sweep(now);
        }
    }
    return {};
}

// Told to stop, and all clients are gone or their time is over, also of those that a thread has
// not handed back.
bool Waiter::over() const {
    return stop_deadline_ && (seats_.empty() || steady_now() > *stop_deadline_ + hand_back_time);
}

std::optional<Duration> Waiter::timeout(TimePoint now) const {
    std::optional<TimePoint> first = next_sweep_;
    const auto at = [&](std::optional<TimePoint> time) {
        if (time && (!first || *time < *first)) {
            first = time;
        }
    };
    at(accept_again_);
    at(shared_.files.next_timeout());
    at(stop_deadline_ ? std::optional(*stop_deadline_ + hand_back_time) : std::nullopt);
    return first ? std::optional(std::max(*first - now, Duration{0})) : std::nullopt;
}

void Waiter::take_mail() {
    const TimePoint now = steady_now();
    for (const WaiterMail& mail : mailbox_->take()) {
        if (const auto* done = std::get_if<Done>(&mail)) {
            close(done->connection->id());
        } else if (const auto* news = std::get_if<Wake>(&mail)) {
            wake(news->connection, now);
        } else {
            begin_stop(now);
        }
    }
}

// Coming in ---------------------------------------------------------------------------------------

void Waiter::accept_all(TimePoint now) {
    for (int i = 0; i < accepts_per_turn; ++i) {
        net::Accepted accepted = acceptor_.accept();
        if (accepted.state == net::Accepted::State::none) {
            return;
        }
        if (accepted.state != net::Accepted::State::connection) {
            if (accepted.state == net::Accepted::State::failed) {
                log::warning(
                    system_error("the JSON gateway cannot accept a connection", accepted.error)
                        .message);
            }
            accept_again_ = now + accept_pause;
            return;
        }
        take_in(std::move(accepted), now);
    }
}

void Waiter::take_in(net::Accepted accepted, TimePoint now) {
    const std::uint64_t id = next_id_++;
    if (!admit(id, accepted.peer)) {
        static_cast<void>(
            net::send(accepted.fd.get(), bytes_of(refusal_line(Refusal::busy)), false));
        return;
    }
    net::set_no_delay(accepted.fd.get());
    net::set_dead_peer_timeout(accepted.fd.get(), dead_client_seconds);
    Seat& seat = seats_[id];
    seat.block = net::block_of(accepted.peer);
    seat.fd = accepted.fd.get();
    seat.guest = std::make_unique<Guest>(std::move(accepted.fd), secret_);
    by_fd_[seat.fd] = id;
    keep_guest(seat, now + handshake_time);
    if (!poller_.watch(seat.fd, true, false)) {
        close(id);
    }
}

bool Waiter::admit(std::uint64_t id, const net::Address& from) {
    const net::Places::Verdict verdict = places_.take(id, from, address_max_);
    if (verdict.evicted) {
        static_cast<void>(net::send(seats_.at(*verdict.evicted).fd,
                                    bytes_of(refusal_line(Refusal::busy)), false));
        close(*verdict.evicted);
    }
    return verdict.entry == net::Places::Entry::admitted;
}

void Waiter::handle_ready(const net::Ready& ready, TimePoint now) {
    const auto found = by_fd_.find(ready.fd);
    if (found == by_fd_.end()) {
        return;  // closed in this very turn
    }
    const std::uint64_t id = found->second;
    Seat& seat = seats_.at(id);
    if (seat.guest) {
        return handle_guest(id, seat, now);
    }
    ConnectionPtr connection = seat.berth->take();
    const bool done_with = connection && (connection->idle() || connection->lingers());
    if (done_with && ready.ended && net::at_end(ready.fd)) {
        return close(id);  // takes no place in the queue from those who want something
    }
    hand_out(id, seat, std::move(connection), now);
}

void Waiter::handle_guest(std::uint64_t id, Seat& seat, TimePoint now) {
    seat.guest->handle_readable();
    switch (seat.guest->state()) {
        case Guest::State::welcome:
            return welcome(id, seat, now);
        case Guest::State::refused: {
            poller_.forget(seat.fd);
            const bool guessed = seat.guest->why() == Refusal::secret;
            const Duration delay = guessed ? book_.failed(seat.block, now) : Duration{0};
            return keep_guest(seat, now + delay);
        }
        case Guest::State::gone:
            return close(id);
        default:
            return;
    }
}

// From now on each piece of news is told once, whoever has the connection then.
void Waiter::welcome(std::uint64_t id, Seat& seat, TimePoint now) {
    const std::unique_ptr<Guest> guest = std::move(seat.guest);
    places_.prove(id);
    auto connection =
        std::make_unique<Connection>(id, guest->take_socket(), guest->take_macs(), guest->said(),
                                     [mailbox = mailbox_, id] { mailbox->post(Wake{id}); });
    seat.berth = std::make_shared<Berth>();
    if (!poller_.watch_edges(seat.fd)) {
        return close(id);
    }
    hand_out(id, seat, std::move(connection), now);
}

// Out to the pool ---------------------------------------------------------------------------------

void Waiter::hand_out(std::uint64_t id, Seat& seat, ConnectionPtr connection, TimePoint now) {
    if (!connection) {
        return;  // a thread has it, and knows that there is news
    }
    look_by(now + sweep_after);
    Work work{std::move(connection), seat.berth};
    const bool begins = work.connection->idle();
    if (queue_.push(work, begins)) {
        return;
    }
    work.connection->turn_away(Code::busy, "too many requests are waiting; try again later");
    const Turn turn = work.connection->work(shared_, scratch_);  // sends that, no more
    if (turn == Turn::closed || seat.berth->put(work.connection, turn, now) != Berth::Put::parked) {
        close(id);
    }
}

void Waiter::wake(std::uint64_t id, TimePoint now) {
    const auto found = seats_.find(id);
    if (found != seats_.end() && found->second.berth) {
        hand_out(id, found->second, found->second.berth->take(), now);
    }
}

void Waiter::close(std::uint64_t id) {
    Seat& seat = seats_.at(id);
    poller_.forget(seat.fd);
    by_fd_.erase(seat.fd);
    places_.leave(id);
    seats_.erase(id);
}

// Time --------------------------------------------------------------------------------------------

void Waiter::keep_guest(Seat& seat, TimePoint deadline) {
    seat.guest_deadline = deadline;
    look_by(deadline);
}

void Waiter::look_by(TimePoint time) { next_sweep_ = std::min(next_sweep_.value_or(time), time); }

bool Waiter::drained(TimePoint now) const { return stop_deadline_ && now >= *stop_deadline_; }

void Waiter::sweep(TimePoint now) {
    next_sweep_.reset();
    if (stop_deadline_ && now < *stop_deadline_) {
        look_by(*stop_deadline_);
    }
    std::vector<std::uint64_t> ids;
    ids.reserve(seats_.size());
    for (const auto& [id, seat] : seats_) {
        ids.push_back(id);
    }
    for (const std::uint64_t id : ids) {
        Seat& seat = seats_.at(id);
        seat.guest ? expire_guest(id, seat, now) : expire(id, seat, now);
    }
}

void Waiter::expire_guest(std::uint64_t id, Seat& seat, TimePoint now) {
    if (now < seat.guest_deadline && !drained(now)) {
        return look_by(seat.guest_deadline);
    }
    if (seat.guest->state() != Guest::State::refused || drained(now)) {
        return close(id);
    }
    seat.guest->say_why();
    keep_guest(seat, now + leaving_time);
    if (seat.guest->state() == Guest::State::gone || !poller_.watch(seat.fd, true, false)) {
        close(id);
    }
}

void Waiter::expire(std::uint64_t id, Seat& seat, TimePoint now) {
    std::optional<TimePoint> next;
    const TimePoint limit = drained(now) ? TimePoint::max() : now;
    ConnectionPtr late = seat.berth->take_late(limit, next);
    if (next) {
        look_by(*next);
    }
    if (!late) {
        return next ? void() : look_by(now + sweep_after);  // none: a thread has it
    }
    late->expire();
    if (drained(now) || late->over()) {
        close(id);
    } else {
        hand_out(id, seat, std::move(late), now);
    }
}

// Requests under way get time to end; who asks nothing goes at once.
void Waiter::begin_stop(TimePoint now) {
    stop_deadline_ = now + drain_time;
    look_by(*stop_deadline_);
    std::vector<std::pair<std::uint64_t, ConnectionPtr>> idle;  // closed once they are unwatched
    for (auto& [id, seat] : seats_) {
        if (seat.guest) {
            idle.emplace_back(id, nullptr);
            continue;
        }
        seat.berth->begin_closing();
        ConnectionPtr parked = seat.berth->take();
        if (parked && parked->idle()) {
            idle.emplace_back(id, std::move(parked));
        } else {
            hand_out(id, seat, std::move(parked), now);
        }
    }
    for (const auto& [id, connection] : idle) {
        close(id);
    }
}

}  // namespace shoal::gateway::json
