// Messages that tests of the protocol share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "shoal/base/random.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::protocol::samples {

using Bytes = std::vector<std::uint8_t>;

template <typename Array>
Array counting_from(std::uint8_t first) {
    Array out{};
    std::iota(out.begin(), out.end(), first);
    return out;
}

inline integrity::Digest digest_from(std::uint8_t first) {
    return {counting_from<std::array<std::uint8_t, 32>>(first)};
}

inline NodeId node_from(std::uint8_t first) {
    return {counting_from<std::array<std::uint8_t, 16>>(first)};
}

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

inline void append(Bytes& out, std::span<const std::uint8_t> more) {
    out.insert(out.end(), more.begin(), more.end());
}

inline clientMessage client(ClientType type, std::uint64_t id) {
    clientMessage message;
    message.type = static_cast<std::uint16_t>(type);
    message.id = id;
    return message;
}

inline serverMessage server(ServerType type, std::uint64_t id, Status status = Status::ok) {
    serverMessage message;
    message.type = static_cast<std::uint16_t>(type);
    message.status = static_cast<std::uint16_t>(status);
    message.id = id;
    return message;
}

// A head of `data` for this run of a file of that size.
inline serverMessage data_head(std::uint64_t file_size, LeafRun run) {
    auto message = server(ServerType::data, 1);
    message.fileSize = file_size;
    message.first = run.first.value;
    message.count = run.count;
    message.payloadSize = integrity::Geometry(file_size).run_length(run);
    return message;
}

}  // namespace shoal::protocol::samples
