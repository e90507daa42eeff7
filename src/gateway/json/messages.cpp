#include "gateway/json/messages.hpp"

#include <algorithm>
#include <cstring>

#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

constexpr std::size_t mark_size = 2 * mac_size + 1;    // the MAC in hex and a blank
constexpr std::size_t kept_capacity_max = 128 * 1024;  // of an empty buffer

std::string_view text_of(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// Forgets what lies before `begin`, when that costs little.
void drop_front(std::vector<std::uint8_t>& buffer, std::size_t& begin) {
    if (begin == buffer.size()) {
        buffer.clear();
        begin = 0;
        if (buffer.capacity() > kept_capacity_max) {
            buffer.shrink_to_fit();  // who says nothing holds no memory
        }
    } else if (begin > buffer.size() / 2) {
        buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(begin));
        begin = 0;
    }
}

}  // namespace

void MessageReader::feed(std::span<const std::uint8_t> bytes) {
    drop_front(buffer_, begin_);
    append(buffer_, bytes);
}

MessageReader::Got MessageReader::next_line(std::string_view& line) {
    const std::size_t mark = macs_ ? mark_size : 0;
    const auto here = rest();
    const void* end = here.size() == scanned_
                          ? nullptr
                          : std::memchr(here.data() + scanned_, '\n', here.size() - scanned_);
    const auto length =
        end == nullptr
            ? here.size()
            : static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - here.data());
    if (length > json_bytes_max + mark) {
        return Got::too_long;
    }
    if (end == nullptr) {
        scanned_ = here.size();
        return Got::nothing;
    }
    scanned_ = 0;
    begin_ += length + 1;
    if (!macs_) {
        line = text_of(here.first(length));
        return Got::something;
    }
    if (length < mark) {
        return Got::forged;
    }
    line = text_of(here.subspan(mark, length - mark));
    const std::string wanted = text::hex(macs_->next(bytes_of(line))) + " ";
    const bool proven = integrity::equal_constant_time(here.first(mark), bytes_of(wanted));
    return proven ? Got::something : Got::forged;
}

MessageReader::Got MessageReader::next_content(std::uint64_t left,
                                               std::span<const std::uint8_t>& bytes) {
    const auto here = rest();
    const auto block = static_cast<std::size_t>(std::min<std::uint64_t>(left, content_block_size));
    if (!macs_) {
        bytes = here.first(std::min(block, here.size()));
        begin_ += bytes.size();
        return bytes.empty() ? Got::nothing : Got::something;
    }
    if (here.size() < block + mac_size) {
        return Got::nothing;
    }
    bytes = here.first(block);
    begin_ += block + mac_size;
    const bool proven =
        integrity::equal_constant_time(here.subspan(block, mac_size), macs_->next(bytes));
    return proven ? Got::something : Got::forged;
}

void MessageWriter::line(std::string_view json) {
    if (macs_) {
        append(buffer_, bytes_of(text::hex(macs_->next(bytes_of(json)))));
        buffer_.push_back(' ');
    }
    append(buffer_, bytes_of(json));
    buffer_.push_back('\n');
}

void MessageWriter::content(std::span<const std::uint8_t> bytes) {
    if (!macs_) {
        return append(buffer_, bytes);
    }
    while (!bytes.empty()) {
        const auto block = bytes.first(std::min(bytes.size(), content_block_size));
        append(buffer_, block);
        append(buffer_, macs_->next(block));
        bytes = bytes.subspan(block.size());
    }
}

void MessageWriter::sent(std::size_t bytes) {
    begin_ += bytes;
    drop_front(buffer_, begin_);
}

}  // namespace shoal::gateway::json
