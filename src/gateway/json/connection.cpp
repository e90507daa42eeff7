#include "gateway/json/connection.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "gateway/json/dispatcher.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::json {
namespace {

constexpr int steps_per_turn = 128;
constexpr Duration between_requests = std::chrono::minutes(10);
constexpr Duration without_progress = std::chrono::seconds(30);
constexpr Duration lingering = std::chrono::seconds(2);

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Connection::Connection(std::uint64_t id, Fd socket, SessionMacs macs, std::string_view said,
                       Waker waker)
    : id_(id),
      socket_(std::move(socket)),
      in_(std::move(macs.client)),
      out_(std::move(macs.server)),
      waker_(std::move(waker)) {
    in_.feed(bytes_of(said));
}

Turn Connection::work(Shared& shared, std::span<std::uint8_t> scratch) {
    if (lingers_) {
        return linger(scratch);
    }
    for (int steps = 0; steps < steps_per_turn; ++steps) {
        switch (advance(shared)) {
            case Progress::made:
                break;
            case Progress::again:
                steps += steps_per_turn / 4;
                break;
            case Progress::wants_room:
                steps += steps_per_turn / 8;
                if (send_waiting() != Sent::all) {
                    return parked(Turn::wants_write);
                }
                break;
            case Progress::wants_input:
                // What is ready goes out before the thread looks for more: the client waits for it.
                if (send_waiting() != Sent::all) {
                    return parked(Turn::wants_write);
                }
                if (!receive(scratch)) {
                    return parked(Turn::wants_read);
                }
                break;
            case Progress::waits:
                return parked(send_waiting() == Sent::all ? Turn::waits : Turn::wants_write);
            case Progress::ended:
                if (send_waiting() == Sent::some) {
                    return parked(Turn::wants_write);
                }
                return last_words_ && !broken_ ? linger(scratch) : Turn::closed;
        }
    }
    return parked(send_waiting() == Sent::some ? Turn::wants_write : Turn::again);
}

Turn Connection::parked(Turn turn) { return broken_ ? Turn::closed : turn; }

Connection::Progress Connection::advance(Shared& shared) {
    if (broken_ || last_words_) {
        return Progress::ended;
    }
    if (job_) {
        return step_job();
    }
    if (exchange_ && exchange_->content_left() > 0) {
        return discard_content();
    }
    return next_request(shared);
}

Connection::Progress Connection::step_job() {
    switch (job_->step(*exchange_)) {
        case Step::done:
            job_.reset();
            return Progress::made;
        case Step::again:
            return Progress::again;
        case Step::waits:
            return Progress::waits;
        case Step::wants_room:
            return Progress::wants_room;
        case Step::wants_input:
            return input_ended_ ? Progress::ended : Progress::wants_input;
        case Step::broken:
            break;
    }
    broken_ = true;
    return Progress::ended;
}

// Content that nobody took: the request was refused, the next one stands behind it.
Connection::Progress Connection::discard_content() {
    std::span<const std::uint8_t> bytes;
    switch (exchange_->next_content(bytes)) {
        case MessageReader::Got::something:
            return Progress::made;
        case MessageReader::Got::nothing:
            return input_ended_ ? Progress::ended : Progress::wants_input;
        default:
            broken_ = true;
            return Progress::ended;
    }
}

Connection::Progress Connection::next_request(Shared& shared) {
    exchange_.reset();
    if (out_.waiting().size() > content_block_size) {
        // Whoever asks much and reads nothing waits.
        if (send_waiting() != Sent::all) {
            return Progress::wants_room;
        }
    }
    std::string_view line;
    const auto got = in_.next_line(line);
    if (got == MessageReader::Got::nothing) {
        return input_ended_ ? Progress::ended : Progress::wants_input;
    }
    if (got != MessageReader::Got::something) {
        return refuse(got);
    }
    Decoded decoded = decode_request(line);
    const std::uint64_t content = decoded.length_known ? decoded.request.content_length : 0;
    exchange_ = std::make_unique<Exchange>(in_, out_, decoded.request.id, content);
    if (decoded.code != Code::ok) {
        exchange_->reply(Resolution::of(decoded.code, std::move(decoded.why)));
        last_words_ = !decoded.length_known;
        return Progress::made;
    }
    job_ = dispatch({std::move(decoded.request), shared, waker_});
    return Progress::made;
}

// Who forges is told nothing; nothing that such a line says is believed or read.
Connection::Progress Connection::refuse(MessageReader::Got fault) {
    if (fault == MessageReader::Got::too_long) {
        turn_away(Code::bad_json, "a line may have at most 1 MiB");
    } else {
        broken_ = true;
    }
    return Progress::ended;
}

Connection::Sent Connection::send_waiting() {
    while (!out_.waiting().empty()) {
        const net::Transfer sent = net::send(socket_.get(), out_.waiting(), false);
        if (sent.state == net::Transfer::State::would_block) {
            return Sent::some;
        }
        if (sent.state != net::Transfer::State::moved) {
            broken_ = true;
            return Sent::failed;
        }
        out_.sent(sent.bytes);
    }
    return Sent::all;
}

bool Connection::receive(std::span<std::uint8_t> scratch) {
    const net::Transfer got = net::receive(socket_.get(), scratch);
    switch (got.state) {
        case net::Transfer::State::moved:
            in_.feed(scratch.first(got.bytes));
            return true;
        case net::Transfer::State::would_block:
            return false;
        case net::Transfer::State::closed:
            // What came before it is still answered, unless the connection was reset.
            input_ended_ = true;
            broken_ = broken_ || got.error != 0;
            return true;
        case net::Transfer::State::failed:
            break;
    }
    broken_ = true;
    return true;
}

// Closing while the client still sends would reset the connection, and the last words with it.
Turn Connection::linger(std::span<std::uint8_t> scratch) {
    if (!lingers_) {
        lingers_ = true;
        static_cast<void>(::shutdown(socket_.get(), SHUT_WR));
    }
    while (linger_left_ > 0) {
        const net::Transfer got = net::receive(socket_.get(), scratch);
        if (got.state == net::Transfer::State::would_block) {
            return Turn::wants_read;
        }
        if (got.state != net::Transfer::State::moved) {
            break;
        }
        linger_left_ -= std::min(got.bytes, linger_left_);
    }
    return Turn::closed;
}

bool Connection::idle() const {
    return !job_ && !exchange_ && !last_words_ && out_.waiting().empty();
}

void Connection::turn_away(Code code, std::string message) {
    out_.line(reply_line("", Resolution::of(code, std::move(message))));
    last_words_ = true;
}

void Connection::expire() {
    const bool can_tell = job_ && exchange_ && !exchange_->replied() && !lingers_;
    if (can_tell && exchange_->content_left() == 0) {
        exchange_->reply(Resolution::of(Code::incomplete, "no host has answered in time"));
        job_.reset();
    } else {
        broken_ = true;
    }
}

Duration Connection::patience(Turn turn) const {
    if (lingers_) {
        return lingering;
    }
    if (turn == Turn::waits && job_) {
        return job_->patience();
    }
    const bool idle_now = turn == Turn::wants_read && idle() && in_.waiting() == 0;
    return idle_now ? between_requests : without_progress;
}

}  // namespace shoal::gateway::json
