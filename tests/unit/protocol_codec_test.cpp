#include <catch2/catch.hpp>
#include <stdexcept>

#include "../support/protocol_samples.hpp"

using namespace shoal;
using namespace shoal::protocol;
using namespace shoal::protocol::samples;

namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> random_array(SmallRandom& random) {
    std::array<std::uint8_t, Size> out;
    for (auto& byte : out) {
        byte = static_cast<std::uint8_t>(random.next());
    }
    return out;
}

bool decodes(const serverMessage& message) { return decode_server(encode(message)).ok(); }

// Whether exactly this payload size is accepted, and one less and one more are not.
bool fits_exactly(serverMessage message, std::uint64_t payload) {
    const auto with = [&](std::uint64_t size) {
        message.payloadSize = size;
        return decodes(message);
    };
    return with(payload) && !with(payload + 1) && !with(payload - 1);
}

serverMessage about(ServerType type, std::uint64_t file_size, std::uint64_t first,
                    std::uint32_t count) {
    auto message = server(type, 1);
    message.fileSize = file_size;
    message.first = first;
    message.count = count;
    return message;
}

}  // namespace

TEST_CASE("a client message survives encoding, every field in its place", "[protocol][codec]") {
    auto message = client(ClientType::list, 0x0102030405060708);
    message.flags = 0x1112;
    message.fileSize = 0x2122232425262728;
    message.digest = digest_from(0x30);
    message.first = 0x5152535455565758;
    message.count = 0x61626364;
    message.set_path("a/b");
    message.prefixLength = 2;
    message.nodeId = node_from(0x70);
    message.port = 0x8182;
    message.version = 0x9192;
    message.mac = counting_from<Mac>(0xa0);

    const auto raw = encode(message);
    const auto at = [&](std::size_t offset, std::size_t size) {
        return Bytes(raw.begin() + static_cast<std::ptrdiff_t>(offset),
                     raw.begin() + static_cast<std::ptrdiff_t>(offset + size));
    };
    CHECK(at(0, 8) == Bytes{'S', 'H', 'L', '1', 4, 0, 0x12, 0x11});
    CHECK(at(8, 8) == Bytes{8, 7, 6, 5, 4, 3, 2, 1});
    CHECK(at(16, 2) == Bytes{0x28, 0x27});
    CHECK(at(24, 2) == Bytes{0x30, 0x31});
    CHECK(at(56, 2) == Bytes{0x58, 0x57});
    CHECK(at(64, 8) == Bytes{0x64, 0x63, 0x62, 0x61, 3, 0, 2, 0});
    CHECK(at(72, 2) == Bytes{0x70, 0x71});
    CHECK(at(88, 4) == Bytes{'a', '/', 'b', 0});
    CHECK(at(488, 8) == Bytes{0x82, 0x81, 0x92, 0x91, 0, 0, 0, 0});
    CHECK(at(496, 2) == Bytes{0xa0, 0xa1});

    const auto back = decode_client(raw);
    REQUIRE(back.ok());
    CHECK(back->path_text() == "a/b");
    CHECK(back->id == message.id);
    CHECK(encode(*back) == raw);
}

TEST_CASE("whatever decodes encodes to the same bytes", "[protocol][codec][property]") {
    SmallRandom random(20);
    const clientMessage plain_client;
    const serverMessage plain_server;
    for (int round = 0; round < 2000; ++round) {
        auto client_raw = encode(plain_client);
        auto server_raw = encode(plain_server);
        // Noise everywhere but in magic, path lengths, reserved and payloadSize.
        const auto noise = random_array<limits::client_message_size>(random);
        std::copy(noise.begin() + 4, noise.begin() + 68, client_raw.begin() + 4);
        std::copy(noise.begin() + 72, noise.begin() + 492, client_raw.begin() + 72);
        std::copy(noise.begin() + 4, noise.begin() + 16, server_raw.begin() + 4);
        server_raw[5] |= 1;  // a type from 256 on: unknown, without rules of its own
        std::copy(noise.begin() + 24, noise.begin() + 106, server_raw.begin() + 24);
        const auto client_back = decode_client(client_raw);
        const auto server_back = decode_server(server_raw);
        REQUIRE(client_back.ok());
        REQUIRE(server_back.ok());
        CHECK(encode(*client_back) == client_raw);
        CHECK(encode(*server_back) == server_raw);
    }
}

TEST_CASE("malformed client messages are refused", "[protocol][codec]") {
    clientMessage message;
    CHECK(decode_client(encode(message)).ok());
    const auto refused = [](clientMessage bad) {
        const auto result = decode_client(encode(bad));
        return !result.ok() && result.error().kind == ErrorKind::bad_input;
    };
    SECTION("magic") { message.magic ^= 1; }
    SECTION("path over its room") { message.pathLength = 401; }
    SECTION("path length at the top of its type") { message.pathLength = 65535; }
    SECTION("prefix over the path") {
        message.set_path("abc");
        message.prefixLength = 4;
    }
    SECTION("reserved") { message.reserved = 1; }
    CHECK(refused(message));
}

TEST_CASE("a path fills its room and no more", "[protocol][codec]") {
    clientMessage message;
    message.set_path(std::string(400, 'x'));
    CHECK(message.path_text().size() == 400);
    message.set_path("short");
    CHECK(message.path[5] == 0);
    CHECK_THROWS_AS(message.set_path(std::string(401, 'x')), std::length_error);
    CHECK(message.path_text() == "short");
}

TEST_CASE("unknown types, statuses and versions decode", "[protocol][codec]") {
    clientMessage message;
    message.type = 999;
    message.version = 77;
    CHECK(decode_client(encode(message)).ok());
    auto answer = server(ServerType::answer, 1, static_cast<protocol::Status>(999));
    CHECK(decodes(answer));
    auto unknown = server(static_cast<ServerType>(999), 1, static_cast<protocol::Status>(999));
    unknown.payloadSize = limits::control_payload_max;
    CHECK(decodes(unknown));
    unknown.payloadSize += 1;
    CHECK_FALSE(decodes(unknown));
}

TEST_CASE("server magic and reserved bytes are checked", "[protocol][codec]") {
    auto message = server(ServerType::answer, 1);
    CHECK(decodes(message));
    SECTION("magic") { message.magic = 0x31; }
    SECTION("reserved") { message.reserved[5] = 1; }
    CHECK_FALSE(decodes(message));
}

TEST_CASE("texts: a refusal may say why, in 1 KiB", "[protocol][payload]") {
    for (const auto type : {ServerType::hello, ServerType::answer, ServerType::closing}) {
        auto message = server(type, 1, protocol::Status::busy);
        message.payloadSize = 1024;
        CHECK(decodes(message));
        message.payloadSize = 1025;
        CHECK_FALSE(decodes(message));
        message.payloadSize = 1;
        message.status = 0;
        CHECK_FALSE(decodes(message));
    }
}

TEST_CASE("only an answer refuses", "[protocol][payload]") {
    for (const auto type :
         {ServerType::file, ServerType::listing, ServerType::status, ServerType::holding}) {
        CHECK(decodes(server(type, 1)));
        CHECK_FALSE(decodes(server(type, 1, protocol::Status::not_found)));
        CHECK(decodes(server(type, 1, protocol::Status::pending)) == (type == ServerType::file));
    }
    auto data = data_head(100, {{0}, 1});
    data.status = static_cast<std::uint16_t>(protocol::Status::changed);
    CHECK_FALSE(decodes(data));
}

TEST_CASE("data is as long as its run of leaves", "[protocol][payload]") {
    constexpr std::uint64_t size = 10 * limits::MiB + 5;
    const auto run = [&](std::uint64_t first, std::uint32_t count) {
        return about(ServerType::data, size, first, count);
    };
    CHECK(fits_exactly(run(0, 1), 16384));
    CHECK(fits_exactly(run(576, 64), limits::MiB));
    CHECK(fits_exactly(run(640, 1), 5));
    CHECK(fits_exactly(run(639, 2), 16384 + 5));
    for (auto bad : {run(0, 0), run(0, 65), run(641, 1), run(640, 2), run(UINT64_MAX, 1),
                     run(UINT64_MAX - 1, 2), run(1, UINT32_MAX)}) {
        for (const std::uint64_t payload : {0ULL, 5ULL, 16384ULL, 1ULL << 20, 1ULL << 60}) {
            bad.payloadSize = payload;
            CHECK_FALSE(decodes(bad));
        }
    }
    auto lie = about(ServerType::data, UINT64_MAX, 0, 1);
    lie.payloadSize = 16384;
    CHECK_FALSE(decodes(lie));
}

TEST_CASE("hash lists are as long as their count, within the file", "[protocol][payload]") {
    constexpr std::uint64_t five_chunks = 4 * 65536 + 1;
    CHECK(fits_exactly(about(ServerType::chunk_hashes, five_chunks, 0, 5), 160));
    CHECK(fits_exactly(about(ServerType::chunk_hashes, five_chunks, 4, 1), 32));
    CHECK(fits_exactly(about(ServerType::leaf_hashes, five_chunks, 3, 4), 128));
    CHECK(fits_exactly(about(ServerType::leaf_hashes, five_chunks, 4, 1), 32));
    CHECK(fits_exactly(about(ServerType::chunk_hashes, limits::file_size_max, 1, 2048), 65536));
    const auto refused = [](serverMessage message) {
        message.payloadSize = std::uint64_t{32} * message.count;
        return !decodes(message);
    };
    CHECK(refused(about(ServerType::chunk_hashes, five_chunks, 0, 0)));
    CHECK(refused(about(ServerType::chunk_hashes, five_chunks, 1, 5)));
    CHECK(refused(about(ServerType::chunk_hashes, five_chunks, 5, 1)));
    CHECK(refused(about(ServerType::chunk_hashes, five_chunks, 1ULL << 32U, 1)));
    CHECK(refused(about(ServerType::chunk_hashes, limits::file_size_max, 0, 2049)));
    CHECK(refused(about(ServerType::chunk_hashes, limits::file_size_max + 1, 0, 1)));
    CHECK(refused(about(ServerType::leaf_hashes, five_chunks, 4, 4)));
    CHECK(refused(about(ServerType::leaf_hashes, five_chunks, 3, 1)));
    CHECK(refused(about(ServerType::leaf_hashes, 0, 0, 1)));
}

TEST_CASE("holding brings a bitmap when part is held", "[protocol][payload]") {
    const auto holding = [](std::uint64_t size, std::uint64_t held) {
        auto message = about(ServerType::holding, size, 0, 0);
        message.held = held;
        return message;
    };
    constexpr std::uint64_t nine_chunks = 9 * 65536;
    CHECK(fits_exactly(holding(nine_chunks, 1), 2));
    CHECK(fits_exactly(holding(nine_chunks, 8), 2));
    CHECK(fits_exactly(holding(limits::file_size_max, 1), 32 * 1024));
    for (const std::uint64_t held : {0, 9}) {
        auto message = holding(nine_chunks, held);
        CHECK(decodes(message));
        message.payloadSize = 2;
        CHECK_FALSE(decodes(message));
    }
    CHECK_FALSE(decodes(holding(nine_chunks, 10)));
    CHECK_FALSE(decodes(holding(limits::file_size_max + 1, 0)));
}

TEST_CASE("file and have are bounded", "[protocol][payload]") {
    auto file = about(ServerType::file, 65537, 0, 0);
    file.held = 2;
    CHECK(decodes(file));
    file.payloadSize = 1;
    CHECK_FALSE(decodes(file));
    file.payloadSize = 0;
    file.held = 3;
    CHECK_FALSE(decodes(file));
    file.held = 0;
    file.fileSize = limits::file_size_max + 1;
    CHECK_FALSE(decodes(file));

    CHECK(decodes(about(ServerType::have, 0, 262143, 1)));
    CHECK_FALSE(decodes(about(ServerType::have, 0, 262143, 2)));
    CHECK_FALSE(decodes(about(ServerType::have, 0, 0, 0)));
    CHECK_FALSE(decodes(about(ServerType::have, 0, UINT64_MAX, 2)));
    auto have = about(ServerType::have, 0, 3, 1);
    have.payloadSize = 4096;
    CHECK(decodes(have));
    have.payloadSize = 4100;
    CHECK_FALSE(decodes(have));
    have.payloadSize = 6;
    CHECK_FALSE(decodes(have));
}

TEST_CASE("the further chunks of a have are numbers of four bytes", "[protocol][payload]") {
    std::vector<std::uint8_t> payload;
    append_chunk(payload, {0x01020304});
    append_chunk(payload, {7});
    CHECK(payload == std::vector<std::uint8_t>{4, 3, 2, 1, 7, 0, 0, 0});
    CHECK(unpack_chunks(payload) == std::vector<ChunkIndex>{{0x01020304}, {7}});
}
