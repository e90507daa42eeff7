// The data connection and what is moved over it.
#include <utility>

#include "gateway/ftp/client.hpp"
#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {
constexpr Duration close_patience = 10ms;
}

Result<net::Address> Client::listen() {
    auto link = std::make_unique<DataLink>();
    Result<net::Address> address =
        link->listen(worker_.shared().ports, control_local(), worker_.random());
    if (address) {
        data_ = std::move(link);
        data_moved_ = steady_now();
    }
    return address;
}

void Client::connect(const net::Address& address) {
    data_ = std::make_unique<DataLink>();
    data_moved_ = steady_now();
    if (Status started = data_->connect(address, control_local()); !started) {
        data_.reset();
        session_.handle_data(started.error());
    }
}

void Client::drop_data() { close_data(); }

void Client::close_data() {
    if (data_) {
        worker_.forget(data_->fd());
        worker_.bury(data_->release());
        data_.reset();
    }
}

void Client::handle_data_ready(TimePoint now) {
    if (data_->state() == DataLink::State::connected) {
        move_block(now);
        return;
    }
    const int before = data_->fd();
    worker_.forget(before);
    DataLink::Outcome outcome = data_->handle_ready(control_peer());
    worker_.bury(std::move(outcome.old));
    if (!outcome.settled) {
        return;  // watched again when this is settled
    }
    data_moved_ = now;
    if (!outcome.status) {
        data_.reset();
    }
    session_.handle_data(outcome.status);
}

void Client::start_transfer(bool ascii) {
    Transfer& transfer = *transfer_;
    transfer.started = true;
    data_moved_ = steady_now();
    if (transfer.stream) {
        transfer.mover = make_file_mover(std::move(transfer.stream), transfer.offset, ascii);
    } else if (transfer.upload) {
        transfer.mover = make_upload_mover(*transfer.upload, ascii);
    }
}

void Client::move_block(TimePoint now) {
    if (!transfer_ || !transfer_->started || !transfer_->mover || transfer_->committing) {
        return;
    }
    if (transfer_->sent) {
        look_closed();
        return;
    }
    switch (transfer_->mover->step(data_->fd(), worker_.scratch())) {
        case Mover::Step::moved:
            data_moved_ = now;
            break;
        case Mover::Step::waits:
            transfer_->waits = true;
            break;
        case Mover::Step::done:
            if (transfer_->upload) {
                finish_receiving(now);
            } else {
                finish_sending(now);
            }
            break;
        case Mover::Step::broken:
            end_transfer({TransferEnd::Kind::broken, {}});
            break;
        case Mover::Step::failed:
            end_transfer({TransferEnd::Kind::failed, transfer_->mover->error()});
            break;
    }
}

// What was sent is not what has arrived: the end is told when the client has closed its side, or
// its kernel has all, whichever is first. A client that closes at once thereby also gets the last
// reply apart from the first, which some (aria2) do not understand in one piece.
void Client::finish_sending(TimePoint now) {
    net::end_sending(data_->fd());
    transfer_->sent = true;
    transfer_->look_again = now + close_patience;
    data_moved_ = now;
}

void Client::look_closed() {
    const net::Transfer got = net::receive(data_->fd(), worker_.scratch());
    if (got.state == net::Transfer::State::closed || got.state == net::Transfer::State::failed) {
        const bool clean = got.error == 0;
        end_transfer({clean ? TransferEnd::Kind::complete : TransferEnd::Kind::broken, {}});
    }
}

void Client::look_taken(TimePoint now) {
    if (net::unacknowledged(data_->fd()) == 0) {
        end_transfer({TransferEnd::Kind::complete, {}});
    } else {
        transfer_->look_again = now + 5 * close_patience;
    }
}

void Client::handle_news(Question question) {
    if (transfer_ && transfer_->question == question && transfer_->waits) {
        transfer_->waits = false;
        data_moved_ = steady_now();
    }
}

// The end of the data says nothing of why it ended. An ABOR, or the end of the control connection,
// that came before it is heard first.
void Client::finish_receiving(TimePoint now) {
    for (int i = 0; i < 8 && transfer_ && !closing_ && read_control(now); ++i) {
    }
    if (gone_ || !transfer_) {
        return;
    }
    close_data();
    Transfer& transfer = *transfer_;
    transfer.mover.reset();
    transfer.committing = true;
    transfer.question = ++counter_;
    transfer.upload->commit({transfer.order.name, {}, transfer.order.unique},
                            answer_to<peer::Published>(transfer.question));
}

void Client::end_transfer(const TransferEnd& end) {
    close_data();
    transfer_.reset();
    session_.handle_transfer_end(end);
}

bool Client::abort_transfer() {
    if (transfer_ && transfer_->committing) {
        return false;
    }
    close_data();
    transfer_.reset();
    return true;
}

}  // namespace shoal::gateway::ftp
