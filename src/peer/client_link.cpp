#include "peer/client_link.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "shoal/base/disk_fault.hpp"

#include "shoal/base/text.hpp"
namespace shoal::peer {

namespace {

constexpr std::size_t outbox_begin_max = 64 * limits::KiB;    // no new run beyond
constexpr std::size_t outbox_read_max = 256 * limits::KiB;    // no new request beyond
constexpr std::size_t outbox_max = 2 * limits::MiB;           // of what is pushed
constexpr std::uint32_t read_at_once_max = 32 * limits::KiB;  // copied rather than sendfile

}  // namespace

void ClientLink::append(const protocol::serverMessage& message,
                        std::span<const std::uint8_t> payload) {
    const protocol::ServerBytes head = protocol::encode(message);
    outbox_.append(head);
    outbox_.append(payload);
}

void ClientLink::send(protocol::serverMessage message, std::span<const std::uint8_t> payload) {
    if (message.type == static_cast<std::uint16_t>(protocol::ServerType::answer)) {
        const std::string_view why(reinterpret_cast<const char*>(payload.data()), payload.size());
        payload = payload.first(text::cut(why, limits::refusal_text_max).size());
    }
    if (upload_) {
        queued_.push_back({message, {payload.begin(), payload.end()}});
        queued_bytes_ += limits::server_message_size + payload.size();
        return;
    }
    message.payloadSize = payload.size();
    if (message.type != static_cast<std::uint16_t>(protocol::ServerType::hello)) {
        session.seal(message, payload);
    }
    append(message, payload);
}

void ClientLink::answer(std::uint64_t id, protocol::Status status, std::string_view text) {
    protocol::serverMessage message;
    message.type = static_cast<std::uint16_t>(protocol::ServerType::answer);
    message.status = static_cast<std::uint16_t>(status);
    message.id = id;
    send(message, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void ClientLink::send_run(std::uint64_t id, const protocol::serverMessage& head,
                          std::shared_ptr<OpenFile> file, std::uint64_t offset,
                          std::uint32_t length) {
    protocol::serverMessage message = head;
    message.payloadSize = length;
    session.seal(message, {});
    if (length > read_at_once_max) {
        append(message, {});
        upload_ = Upload{id, std::move(file), offset, length};
        return;
    }
    append(message, {});
    outbox_has_data_ = true;
    const int error = file->read(offset, outbox_.extend(length));
    tell_if_stale(id, *file, error);
}

// What has gone out is not what was promised.
void ClientLink::tell_if_stale(std::uint64_t id, const OpenFile& file, int error) {
    if (error != 0 && error != ENODATA) {
        file.tell_of_fault(error);
        answer(id, protocol::Status::io_error, "the disk that holds the file has failed");
    } else if (error != 0 || !file.unchanged()) {
        answer(id, protocol::Status::changed, "the file changed while it was read");
    }
}

net::Transfer ClientLink::send_from_file(std::uint64_t budget) {
    static constexpr std::array<std::uint8_t, 16 * 1024> zeros{};
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(budget, upload_->left));
    if (upload_->error == 0) {
        net::Transfer sent =
            net::send_file(socket_.get(), upload_->file->fd(), upload_->offset, count);
        const bool ended = sent.state == net::Transfer::State::closed;
        const bool failed = sent.state == net::Transfer::State::failed && is_disk_fault(sent.error);
        if (!ended && !failed) {
            return sent;
        }
        upload_->error = ended ? ENODATA : sent.error;
    }
    return net::send(socket_.get(), std::span(zeros).first(std::min(count, zeros.size())), false);
}

void ClientLink::limit_unsent(std::uint32_t bytes) {
    if (std::exchange(unsent_limit_, bytes) != bytes) {
        net::set_unsent_limit(fd(), bytes);
    }
}

bool ClientLink::flush(std::uint64_t budget, std::uint64_t& moved) {
    while (budget > 0 && wants_to_send()) {
        const bool from_outbox = !outbox_.empty();
        net::Transfer step;
        if (from_outbox) {
            const auto waiting = outbox_.waiting();
            step = net::send(socket_.get(),
                             waiting.first(std::min<std::size_t>(waiting.size(), budget)),
                             upload_.has_value());
        } else {
            step = send_from_file(budget);
        }
        if (step.state == net::Transfer::State::would_block) {
            return true;
        }
        if (step.state != net::Transfer::State::moved) {
            return false;
        }
        moved += step.bytes;
        budget -= std::min<std::uint64_t>(budget, step.bytes);
        if (from_outbox) {
            outbox_.consume(step.bytes);
            outbox_has_data_ = outbox_has_data_ && !outbox_.empty();
        } else {
            upload_->offset += step.bytes;
            upload_->left -= static_cast<std::uint32_t>(step.bytes);
            if (upload_->left == 0) {
                end_upload();
            }
        }
    }
    return true;
}

// What was promised has gone out whole; if the file changed meanwhile, say so right behind.
void ClientLink::end_upload() {
    const Upload done = std::move(*upload_);
    upload_.reset();
    tell_if_stale(done.id, *done.file, done.error);
    queued_bytes_ = 0;
    for (const Queued& waiting : std::exchange(queued_, {})) {
        send(waiting.message, waiting.payload);
    }
}

bool ClientLink::can_begin() const {
    return phase == Phase::ready && !upload_ && outbox_.size() < outbox_begin_max;
}

bool ClientLink::overfull() const { return unsent() > outbox_max; }

bool ClientLink::wants_to_read() const { return !deferred && unsent() < outbox_read_max; }

}  // namespace shoal::peer
