// The control connection, deadlines, and the end of a client.
#include "gateway/ftp/client.hpp"

#include <algorithm>
#include <utility>

#include "gateway/ftp/reply.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/wipe.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {

constexpr Duration login_deadline = 60s;  // in all, however busy
constexpr Duration stall_deadline = 60s;  // no reply is taken
constexpr Duration connect_deadline = 30s;
constexpr std::size_t output_max = 64UL * 1024;  // no further line is taken beyond
// Received at once. A stranger's lines share its turn with those of many others.
constexpr std::size_t input_max = 4096;
constexpr std::size_t stranger_input_max = 1024;

}  // namespace

Client::Client(Worker& worker, ClientId id, NewClient fresh, TimePoint now)
    : worker_(worker),
      id_(id),
      control_(std::move(fresh.socket)),
      place_(fresh.place),
      block_(net::block_of(net::peer_address(control_.get()))),
      session_(worker.shared().rules, *this),
      login_since_(now),
      active_(now),
      output_moved_(now),
      data_moved_(now) {}

Client::~Client() {
    close_data();
    worker_.forget(control_.get());
    worker_.bury(std::move(control_));
}

void Client::start() { session_.greet(); }

void Client::handle_ready(const net::Ready& ready, TimePoint now) {
    if (data_ && ready.fd == data_->fd()) {
        handle_data_ready(now);
    } else if (ready.fd == control_.get()) {
        if (ready.writable) {
            flush(now);
        }
        if (ready.readable) {
            read_control(now);
        }
    }
}

bool Client::read_control(TimePoint now) {
    if (!input_.empty()) {
        return false;
    }
    const auto room =
        worker_.scratch().first(session_.logged_in() ? input_max : stranger_input_max);
    const net::Transfer got = net::receive(control_.get(), room);
    if (got.state == net::Transfer::State::would_block) {
        return false;
    }
    if (got.state != net::Transfer::State::moved) {
        gone_ = gone_ || got.error != 0;
        handle_control_end();
        return false;
    }
    active_ = now;
    input_.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    wipe(room.first(got.bytes));  // a password may be among it
    take_input();
    return true;
}

// Line by line, as far as the session wants them and there is room for its replies: what waits
// stays in one small block, and the rest with the sender.
void Client::take_input() {
    while (input_taken_ < input_.size() && !closing_ && session_.wants_lines() &&
           output_.size() < output_max) {
        std::vector<LineDecoder::Line> lines;
        input_taken_ += decoder_.feed(std::span(input_).subspan(input_taken_), lines, 1);
        if (std::string answers = decoder_.take_answers(); !answers.empty()) {
            send(answers);
        }
        for (LineDecoder::Line& line : lines) {
            handle_line(line);
            wipe(line.text);
        }
        if (decoder_.hopeless() && !closing_) {
            send(reply(421, "That is no FTP."));
            close();
        }
    }
    if (input_taken_ == input_.size() || closing_) {
        wipe(input_);
        input_ = {};  // an idle client holds no buffer
        input_taken_ = 0;
    }
}

void Client::handle_line(const LineDecoder::Line& line) {
    if (line.too_long) {
        session_.handle_line_too_long();
    } else {
        session_.handle_line(line.text);
    }
}

// A client that has said all it has to say gets its answers. But one that goes in the middle of an
// upload has not said that it is whole: what came is dropped.
void Client::handle_control_end() {
    ended_ = true;
    const bool receiving = transfer_ && (transfer_->upload || !transfer_->started);
    if (receiving && !session_.quitting() && !transfer_->committing) {
        gone_ = true;
    }
}

void Client::send(std::string_view replies) {
    if (output_.empty()) {
        output_moved_ = steady_now();
    }
    output_ += replies;
}

void Client::flush(TimePoint now) {
    if (output_.empty()) {
        return;
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(output_.data());
    const net::Transfer sent = net::send(control_.get(), std::span(bytes, output_.size()), false);
    if (sent.state == net::Transfer::State::moved) {
        output_moved_ = now;
        output_.erase(0, sent.bytes);
        if (output_.empty()) {
            output_ = {};  // an idle client holds no buffer
            session_.handle_sent();
        }
    } else if (sent.state != net::Transfer::State::would_block) {
        gone_ = true;
    }
}

void Client::settle(TimePoint now) {
    if (session_.logged_in()) {
        login_since_ = now;
    }
    take_input();
    for (std::size_t before = 0; !gone_ && !output_.empty() && output_.size() != before;) {
        before = output_.size();
        flush(now);
        take_input();
    }
    const bool silent = output_.empty() && input_.empty() && !session_.busy();
    gone_ = gone_ || (output_.empty() && closing_) || (silent && ended_);
    if (!gone_) {
        watch_all();
    }
}

void Client::watch_all() {
    const bool read = !ended_ && !closing_ && input_.empty() && session_.wants_lines() &&
                      output_.size() < output_max;
    Status watched = worker_.watch(control_.get(), *this, read, !output_.empty());
    if (watched && data_ && data_->state() == DataLink::State::connected) {
        const bool moving = transfer_ && transfer_->started && transfer_->mover &&
                            !transfer_->waits && !transfer_->committing;
        const bool sends = moving && transfer_->mover->sends() && !transfer_->sent;
        watched = worker_.watch(data_->fd(), *this, moving && !sends, sends);
    } else if (watched && data_ && data_->state() != DataLink::State::none) {
        const bool listens = data_->state() == DataLink::State::listening;
        watched = worker_.watch(data_->fd(), *this, listens, !listens);
    }
    if (!watched) {
        log::warning("an FTP client is dropped: " + watched.error().message);
        gone_ = true;
    }
}

TimePoint Client::deadline() const {
    TimePoint soonest = TimePoint::max();
    const auto consider = [&](TimePoint time) { soonest = std::min(soonest, time); };
    if (!session_.logged_in() && !transfer_) {
        consider(login_since_ + login_deadline);
    }
    if (!output_.empty()) {
        consider(output_moved_ + stall_deadline);
    }
    if (transfer_ && transfer_->started && !transfer_->waits && !transfer_->committing) {
        const bool connected = data_ && data_->state() == DataLink::State::connected;
        consider(data_moved_ + (connected ? worker_.shared().options.idle : connect_deadline));
        if (transfer_->sent) {
            consider(transfer_->look_again);
        }
    } else if (data_ && data_->state() == DataLink::State::connecting) {
        consider(data_moved_ + connect_deadline);
    }
    if (!session_.busy()) {
        consider(std::max(active_, data_moved_) + worker_.shared().options.idle);
    }
    return soonest;
}

void Client::handle_timeout(TimePoint now) {
    const bool stuck = !output_.empty() && now >= output_moved_ + stall_deadline;
    if (stuck || closing_) {
        gone_ = true;
        return;
    }
    if (data_ && data_->state() == DataLink::State::connecting) {
        close_data();
        session_.handle_data(Error{ErrorKind::closed, "Can't connect: no answer."});
    } else if (transfer_ && transfer_->sent && now < data_moved_ + worker_.shared().options.idle) {
        look_taken(now);
    } else if (transfer_ && transfer_->started) {
        const bool connected = data_ && data_->state() == DataLink::State::connected;
        end_transfer(
            {connected ? TransferEnd::Kind::broken : TransferEnd::Kind::no_connection, {}});
    } else {
        send(reply(421, session_.logged_in() ? "Timeout: nothing was said for too long."
                                             : "Timeout: log in sooner."));
        close();
    }
}

void Client::handle_evicted() {
    send(reply(421, "Others are waiting: log in sooner."));
    flush(steady_now());
    gone_ = true;
}

void Client::handle_stop() {
    if (!session_.busy() && !closing_) {
        send(reply(421, "The gateway is closing."));
        close();
    }
}

}  // namespace shoal::gateway::ftp
