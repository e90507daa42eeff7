#include <catch2/catch.hpp>
#include <functional>

#include "../support/protocol_samples.hpp"
#include "shoal/protocol/frames.hpp"

using namespace shoal;
using namespace shoal::protocol;
using namespace shoal::protocol::samples;

namespace {

// How many bytes the next recv brings, given how many fit.
using Cut = std::function<std::size_t(std::size_t)>;

const Cut whole = [](std::size_t room) { return room; };
const Cut bytewise = [](std::size_t) { return std::size_t{1}; };
Cut at_random(std::uint64_t seed) {
    return [random = SmallRandom(seed)](std::size_t room) mutable {
        const std::size_t most = random.below(4) == 0 ? 200000 : 300;
        return std::min<std::size_t>(room, 1 + random.below(most));
    };
}

// What came out, in a form that can be compared: one text an event.
struct Seen {
    std::vector<std::string> events;
    std::string error;
    std::size_t recvs{0};
    friend bool operator==(const Seen& a, const Seen& b) {
        return a.events == b.events && a.error == b.error;
    }
};

std::string tell(const ServerFrame& frame) {
    const auto as_text = [](auto bytes) { return std::string(bytes.begin(), bytes.end()); };
    if (const auto* slice = std::get_if<DataSlice>(&frame)) {
        return "slice " + std::to_string(slice->offset) + (slice->last ? " last " : " ") +
               std::to_string(slice->message.id) + as_text(slice->bytes);
    }
    const auto& event = std::get<ServerEvent>(frame);
    CHECK(encode(event.message) == event.raw);
    return "event " + as_text(event.raw) + as_text(event.payload);
}

std::string tell(const std::pair<clientMessage, ClientBytes>& frame) {
    CHECK(encode(frame.first) == frame.second);
    return std::string(frame.second.begin(), frame.second.end());
}

template <typename Frames>
void drain(Frames& frames, Seen& seen) {
    while (auto frame = frames.next()) {
        if (!frame->ok()) {
            seen.error = frame->error().message;
            return;
        }
        seen.events.push_back(tell(**frame));
    }
}

template <typename Frames>
Seen feed(std::span<const std::uint8_t> stream, const Cut& cut) {
    Frames frames;
    Seen seen;
    while (!stream.empty() && seen.error.empty()) {
        const auto space = frames.space();
        REQUIRE_FALSE(space.empty());
        const auto size = std::min(stream.size(), cut(space.size()));
        std::copy_n(stream.begin(), size, space.begin());
        frames.commit(size);
        stream = stream.subspan(size);
        ++seen.recvs;
        drain(frames, seen);
    }
    return seen;
}

void add_message(Bytes& stream, serverMessage message, SmallRandom& random) {
    append(stream, encode(message));
    for (std::uint64_t i = 0; i < message.payloadSize; ++i) {
        stream.push_back(static_cast<std::uint8_t>(random.next()));
    }
}

serverMessage random_message(SmallRandom& random) {
    constexpr std::uint64_t size = 10 * limits::MiB + 5;
    switch (random.below(5)) {
        case 0:
            return data_head(
                size, {{random.below(500)}, static_cast<std::uint32_t>(1 + random.below(64))});
        case 1:
            return data_head(4096, {{0}, 1});
        case 2: {
            auto listing = server(ServerType::listing, 2);
            listing.payloadSize = random.below(65537);
            return listing;
        }
        case 3:
            return data_head(size, {{639}, 2});
        default:
            return server(ServerType::answer, 3);
    }
}

Bytes random_stream(std::uint64_t seed, int messages) {
    SmallRandom random(seed);
    Bytes stream;
    for (int i = 0; i < messages; ++i) {
        auto message = random_message(random);
        message.id = static_cast<std::uint64_t>(i) + 1;
        add_message(stream, message, random);
    }
    return stream;
}

}  // namespace

TEST_CASE("a server stream cut anyhow gives the same events", "[protocol][frames][property]") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        INFO("seed " << seed);
        const auto stream = random_stream(seed, 12);
        const auto expected = feed<ServerFrames>(stream, whole);
        CHECK(expected.error.empty());
        CHECK(expected.events.size() >= 12);
        CHECK((feed<ServerFrames>(stream, bytewise) == expected));
        for (std::uint64_t cuts = 1; cuts <= 5; ++cuts) {
            CHECK((feed<ServerFrames>(stream, at_random(seed * 100 + cuts)) == expected));
        }
    }
}

TEST_CASE("a client stream cut anyhow gives the same messages", "[protocol][frames][property]") {
    Bytes stream;
    for (std::uint64_t id = 1; id <= 100; ++id) {
        auto message = client(ClientType::query, id);
        message.set_path("file " + std::to_string(id));
        append(stream, encode(message));
    }
    const auto expected = feed<ClientFrames>(stream, whole);
    CHECK(expected.events.size() == 100);
    CHECK((feed<ClientFrames>(stream, bytewise) == expected));
    CHECK((feed<ClientFrames>(stream, at_random(7)) == expected));
}

TEST_CASE("slices are whole leaves in order and make up the payload", "[protocol][frames]") {
    SmallRandom random(3);
    constexpr std::uint64_t size = 30 * std::uint64_t{limits::leaf_size} + 77;
    const auto head = data_head(size, {{1}, 30});
    Bytes stream;
    add_message(stream, server(ServerType::answer, 9), random);
    add_message(stream, head, random);

    ServerFrames frames;
    Bytes payload;
    bool last = false;
    for (std::size_t at = 0; at < stream.size();) {
        const auto space = frames.space();
        const auto count = std::min(space.size(), stream.size() - at);
        std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), count, space.begin());
        frames.commit(count);
        at += count;
        while (auto frame = frames.next()) {
            REQUIRE(frame->ok());
            const auto* slice = std::get_if<DataSlice>(&**frame);
            if (slice == nullptr) {
                continue;
            }
            CHECK(slice->offset == payload.size());
            constexpr std::size_t slice_size =
                std::size_t{limits::receive_slice_leaves} * limits::leaf_size;
            CHECK((slice->last || slice->bytes.size() == slice_size));
            append(payload, slice->bytes);
            last = slice->last;
        }
    }
    CHECK(last);
    CHECK(payload == Bytes(stream.begin() + 256, stream.end()));
}

TEST_CASE("one recv takes many small files, and big data ends at its slices",
          "[protocol][frames]") {
    SmallRandom random(4);
    Bytes small;
    for (int i = 0; i < 2000; ++i) {
        add_message(small, data_head(4096, {{0}, 1}), random);
    }
    const auto seen = feed<ServerFrames>(small, whole);
    CHECK(seen.events.size() == 4000);
    CHECK(seen.recvs < 70);

    Bytes big;
    add_message(big, data_head(limits::GiB, {{0}, 64}), random);
    CHECK(feed<ServerFrames>(big, whole).recvs <= 9);
}

TEST_CASE("a frame cut short at any byte is no event and no error", "[protocol][frames]") {
    SmallRandom random(5);
    Bytes stream;
    auto status = server(ServerType::status, 1);
    status.payloadSize = 300;
    add_message(stream, status, random);
    for (std::size_t cut = 0; cut < stream.size(); ++cut) {
        const auto seen = feed<ServerFrames>(std::span(stream).first(cut), whole);
        CHECK((seen.events.empty() && seen.error.empty()));
    }
    Bytes data;
    add_message(data, data_head(100, {{0}, 1}), random);
    for (std::size_t cut = 0; cut < data.size(); ++cut) {
        const auto seen = feed<ServerFrames>(std::span(data).first(cut), whole);
        CHECK(seen.events.size() == (cut < limits::server_message_size ? 0U : 1U));
        CHECK(seen.error.empty());
    }
    const auto query = encode(client(ClientType::query, 1));
    for (std::size_t cut = 0; cut < query.size(); ++cut) {
        const auto seen = feed<ClientFrames>(std::span(query).first(cut), whole);
        CHECK((seen.events.empty() && seen.error.empty()));
    }
}

TEST_CASE("garbage is an error, and stays one", "[protocol][frames]") {
    SmallRandom random(6);
    Bytes garbage(1024);
    std::generate(garbage.begin(), garbage.end(),
                  [&] { return static_cast<std::uint8_t>(random.next()); });
    const auto from_client = feed<ClientFrames>(garbage, bytewise);
    CHECK((from_client.events.empty() && !from_client.error.empty()));
    CHECK((feed<ClientFrames>(garbage, whole) == from_client));
    const auto from_server = feed<ServerFrames>(garbage, bytewise);
    CHECK((from_server.events.empty() && !from_server.error.empty()));

    ServerFrames frames;
    std::copy_n(garbage.begin(), 256, frames.space().begin());
    frames.commit(256);
    for (int again = 0; again < 3; ++again) {
        const auto frame = frames.next();
        REQUIRE(frame);
        CHECK_FALSE(frame->ok());
    }
}

TEST_CASE("good frames before garbage are delivered first", "[protocol][frames]") {
    Bytes stream;
    append(stream, encode(client(ClientType::status, 1)));
    append(stream, Bytes(512, 0xff));
    const auto seen = feed<ClientFrames>(stream, whole);
    CHECK((seen.events.size() == 1 && !seen.error.empty()));
}

TEST_CASE("a lying payload size is refused before it is received", "[protocol][frames]") {
    auto listing = server(ServerType::listing, 1);
    listing.payloadSize = 1ULL << 60U;
    const auto seen = feed<ServerFrames>(encode(listing), bytewise);
    CHECK((seen.events.empty() && !seen.error.empty()));
}

TEST_CASE("an idle buffer goes, a half-received message stays", "[protocol][frames]") {
    const auto answer = encode(server(ServerType::answer, 5));
    ServerFrames frames;
    std::copy_n(answer.begin(), 100, frames.space().begin());
    frames.commit(100);
    frames.release_idle();
    auto space = frames.space();
    std::copy_n(answer.begin() + 100, 28, space.begin());
    frames.commit(28);
    auto frame = frames.next();
    REQUIRE((frame && frame->ok()));
    CHECK(std::get<ServerEvent>(**frame).message.id == 5);
    frames.release_idle();
    CHECK_FALSE(frames.space().empty());
}
