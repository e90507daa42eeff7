// Feeds a stream to a framing class and notes what comes out, for targets that compare cuts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "shoal/protocol/frames.hpp"

namespace shoal::fuzz {

using Bytes = std::vector<std::uint8_t>;

// A property that does not hold is a crash, which the fuzzer keeps.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

struct Seen {
    Bytes events;  // all that was handed out, one after another, each behind a tag
    bool failed{false};
    friend bool operator==(const Seen&, const Seen&) = default;
};

inline void note(Seen& seen, std::uint8_t tag, std::span<const std::uint8_t> bytes) {
    seen.events.push_back(tag);
    seen.events.insert(seen.events.end(), bytes.begin(), bytes.end());
}

inline void note(Seen& seen, const std::pair<protocol::clientMessage, protocol::ClientBytes>& got) {
    require(protocol::encode(got.first) == got.second);
    require(got.first.path_text().size() <= limits::path_max);
    note(seen, 1, got.second);
}

inline void note(Seen& seen, const protocol::ServerFrame& got) {
    if (const auto* slice = std::get_if<protocol::DataSlice>(&got)) {
        const auto end = slice->offset + slice->bytes.size();
        require(slice->last == (end == slice->message.payloadSize));
        require(slice->last || slice->bytes.size() % limits::leaf_size == 0);
        note(seen, slice->last ? 3 : 2, slice->bytes);
        return;
    }
    const auto& event = std::get<protocol::ServerEvent>(got);
    require(protocol::encode(event.message) == event.raw);
    require(event.payload.size() <= limits::control_payload_max);
    note(seen, 4, event.raw);
    note(seen, 5, event.payload);
}

// `most` bytes at a time.
template <typename Frames>
Seen feed(std::span<const std::uint8_t> stream, std::size_t most) {
    Frames frames;
    Seen seen;
    while (!stream.empty()) {
        const auto space = frames.space();
        require(!space.empty());
        const auto size = std::min({stream.size(), space.size(), most});
        std::copy_n(stream.begin(), size, space.begin());
        frames.commit(size);
        stream = stream.subspan(size);
        while (auto frame = frames.next()) {
            if (!frame->ok()) {
                seen.failed = true;
                return seen;
            }
            note(seen, **frame);
        }
    }
    return seen;
}

template <typename Frames>
void check_cuts(std::span<const std::uint8_t> stream) {
    const Seen whole = feed<Frames>(stream, stream.size());
    require(feed<Frames>(stream, 1) == whole);
    require(feed<Frames>(stream, 129) == whole);
}

}  // namespace shoal::fuzz
