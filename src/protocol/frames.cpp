#include "shoal/protocol/frames.hpp"

#include <algorithm>
#include <cstring>

namespace shoal::protocol {

std::span<const std::uint8_t> ReceiveBuffer::bytes() const {
    return {memory_.get() + begin_, size()};
}

std::span<std::uint8_t> ReceiveBuffer::room(std::size_t end) {
    if (!memory_) {
        memory_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
    }
    const std::size_t limit = std::min(end, capacity_);
    return {memory_.get() + end_, limit > end_ ? limit - end_ : 0};
}

void ReceiveBuffer::compact() {
    if (begin_ > 0 && size() > 0) {
        std::memmove(memory_.get(), memory_.get() + begin_, size());
    }
    end_ = size();
    begin_ = 0;
}

void ReceiveBuffer::release_if_empty() {
    if (size() == 0) {
        memory_.reset();
        begin_ = end_ = 0;
    }
}

std::span<std::uint8_t> ClientFrames::space() {
    buffer_.compact();
    return buffer_.room(capacity);
}

std::optional<Result<std::pair<clientMessage, ClientBytes>>> ClientFrames::next() {
    if (buffer_.size() < limits::client_message_size) {
        return std::nullopt;
    }
    const auto head = buffer_.bytes().first<limits::client_message_size>();
    const auto message = decode_client(head);
    if (!message) {
        return message.error();
    }
    ClientBytes raw;
    std::copy(head.begin(), head.end(), raw.begin());
    buffer_.consume(raw.size());
    return std::pair{*message, raw};
}

std::size_t ServerFrames::slice_size() const {
    return std::min<std::size_t>(slice_max, open_->payloadSize - delivered_);
}

std::span<std::uint8_t> ServerFrames::space() {
    // What is left is part of a header, of a control payload, or of a slice. The first two are
    // small and move to the front; a slice stays where it began.
    if (!open_ || buffer_.size() == 0) {
        buffer_.compact();
    }
    return buffer_.room(open_ ? buffer_.begin() + slice_size() : window);
}

std::optional<Result<ServerFrame>> ServerFrames::next() {
    return open_ ? next_slice() : next_message();
}

std::optional<Result<ServerFrame>> ServerFrames::next_slice() {
    const std::size_t size = slice_size();
    if (buffer_.size() < size) {
        return std::nullopt;
    }
    DataSlice slice{*open_, delivered_, buffer_.bytes().first(size), false};
    buffer_.consume(size);
    delivered_ += static_cast<std::uint32_t>(size);
    slice.last = delivered_ == open_->payloadSize;
    if (slice.last) {
        open_.reset();
    }
    return ServerFrame(slice);
}

std::optional<Result<ServerFrame>> ServerFrames::next_message() {
    if (buffer_.size() < limits::server_message_size) {
        return std::nullopt;
    }
    const auto head = buffer_.bytes().first<limits::server_message_size>();
    const auto message = decode_server(head);
    if (!message) {
        return message.error();
    }
    const bool data = message->type == static_cast<std::uint16_t>(ServerType::data);
    const std::size_t payload = data ? 0 : message->payloadSize;
    if (buffer_.size() < head.size() + payload) {
        return std::nullopt;
    }
    ServerEvent event{*message, {}, buffer_.bytes().subspan(head.size(), payload)};
    std::copy(head.begin(), head.end(), event.raw.begin());
    buffer_.consume(head.size() + payload);
    if (data) {
        open_ = *message;
        delivered_ = 0;
    }
    return ServerFrame(event);
}

void ServerFrames::release_idle() {
    if (!open_) {
        buffer_.release_if_empty();
    }
}

}  // namespace shoal::protocol
