#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fake_server.hpp"
#include "../support/store_fixture.hpp"
#include "../support/temp_dir.hpp"
#include "peer/client_link.hpp"

namespace shoal::peer {
namespace {

using protocol::ServerType;
using protocol::samples::server;

// What a client reads off a ClientLink.
struct Scene {
    Scene() {
        auto [near, far] = test::socket_pair();
        client = std::move(far);
        link.emplace(swarm::ClientKey{1}, std::move(near), net::Address(), net::Places::Id{1},
                     TimePoint{1h});
        link->phase = ClientLink::Phase::ready;
    }
    // A file of 256 KiB that is served, and the run of all its leaves.
    std::shared_ptr<OpenFile> open(const std::string& name) {
        auto held = std::make_shared<store::HeldFile>(store::HeldFile{
            store::SafePath::parse(name).value(), store::Where::shared, {}, {}, {}});
        Fd fd(::open((dir / name).c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        REQUIRE(::fstat(fd.get(), &status) == 0);
        held->stamp = store::Stamp::of(status);
        return std::make_shared<OpenFile>(held, std::move(fd));
    }
    void flush(std::uint64_t budget = 1 << 24) {
        moved = 0;
        alive = link->flush(budget, moved);
    }
    // Everything that has arrived, as (message, bytes of data).
    std::vector<std::pair<protocol::serverMessage, std::vector<std::uint8_t>>> read() {
        std::vector<std::pair<protocol::serverMessage, std::vector<std::uint8_t>>> all;
        while (true) {
            const auto got = net::receive(client.get(), frames.space());
            if (got.state != net::Transfer::State::moved) {
                return all;
            }
            frames.commit(got.bytes);
            while (auto frame = frames.next()) {
                if (const auto* event = std::get_if<protocol::ServerEvent>(&frame->value())) {
                    all.push_back({event->message, {event->payload.begin(), event->payload.end()}});
                } else {
                    const auto& slice = std::get<protocol::DataSlice>(frame->value());
                    open_data.insert(open_data.end(), slice.bytes.begin(), slice.bytes.end());
                }
            }
        }
    }

    test::TempDir dir;
    Fd client;
    std::optional<ClientLink> link;
    protocol::ServerFrames frames;
    std::vector<std::uint8_t> open_data;
    std::uint64_t moved{0};
    bool alive{true};
};

constexpr std::uint32_t length = 256 * 1024;

protocol::serverMessage head_of_run(std::uint64_t id, std::uint32_t bytes) {
    auto head = protocol::samples::data_head(bytes, {{0}, bytes / limits::leaf_size});
    head.id = id;
    return head;
}

TEST_CASE("messages wait behind the data of a run and follow it whole") {
    Scene scene;
    const auto content = test::random_content(length, 1);
    scene.dir.write("f", content);
    scene.link->send_run(7, head_of_run(7, length), scene.open("f"), 0, length);
    CHECK(scene.link->uploading());
    CHECK_FALSE(scene.link->can_begin());
    scene.link->answer(8, protocol::Status::not_found, "no");
    scene.flush(1000);  // a part of it
    CHECK(scene.moved == 1000);
    scene.link->answer(9, protocol::Status::ok);
    std::vector<std::pair<protocol::serverMessage, std::vector<std::uint8_t>>> got;
    while (scene.link->wants_to_send()) {
        scene.flush();
        REQUIRE(scene.alive);
        for (auto& item : scene.read()) {
            got.push_back(std::move(item));
        }
    }
    CHECK(scene.open_data == content);
    REQUIRE(got.size() == 3);
    CHECK(got[0].first.id == 7);
    CHECK(got[1].first.id == 8);
    CHECK(got[1].second == protocol::samples::bytes_of("no"));
    CHECK(got[2].first.id == 9);
    CHECK(scene.link->can_begin());
}

TEST_CASE("a short run is copied at once and counts as data until it has gone out") {
    Scene scene;
    const auto content = test::random_content(limits::leaf_size, 2);
    scene.dir.write("f", content);
    scene.link->send_run(7, head_of_run(7, limits::leaf_size), scene.open("f"), 0,
                         limits::leaf_size);
    CHECK(scene.link->uploading());  // or a rate limit would not hold it back
    CHECK(scene.link->can_begin());
    scene.flush();
    CHECK_FALSE(scene.link->uploading());
    CHECK(scene.read().size() == 1);
    CHECK(scene.open_data == content);
}

TEST_CASE("a file that is cut while it is sent: the promise is kept, then it is called stale") {
    Scene scene;
    scene.dir.write("f", test::random_content(length, 3));
    scene.link->send_run(7, head_of_run(7, length), scene.open("f"), 0, length);
    scene.flush(64 * 1024);
    REQUIRE(::truncate((scene.dir / "f").c_str(), 100 * 1024) == 0);
    scene.link->answer(8, protocol::Status::not_found);
    std::vector<std::uint64_t> ids;
    std::vector<std::uint16_t> statuses;
    while (scene.link->wants_to_send()) {
        scene.flush();
        REQUIRE(scene.alive);
        for (const auto& [message, payload] : scene.read()) {
            ids.push_back(message.id);
            statuses.push_back(message.status);
        }
    }
    CHECK(scene.open_data.size() == length);
    CHECK(ids == std::vector<std::uint64_t>{7, 7, 8});  // directly behind the data
    CHECK(statuses.at(1) == static_cast<std::uint16_t>(protocol::Status::changed));
}

TEST_CASE("a client that does not read is asked for no more, and at last given up") {
    Scene scene;
    CHECK(scene.link->wants_to_read());
    const std::vector<std::uint8_t> page(64 * 1024);
    for (int i = 0; i < 5; ++i) {
        scene.link->send(server(ServerType::listing, 1), page);
    }
    CHECK_FALSE(scene.link->wants_to_read());
    CHECK_FALSE(scene.link->overfull());
    for (int i = 0; i < 30; ++i) {
        scene.link->send(server(ServerType::listing, 1), page);
    }
    CHECK(scene.link->overfull());
}

TEST_CASE("a client that has gone is noticed when something is sent") {
    ::signal(SIGPIPE, SIG_IGN);
    Scene scene;
    scene.client.reset();
    scene.link->answer(1, protocol::Status::ok);
    scene.flush();
    CHECK_FALSE(scene.alive);
}

TEST_CASE("a client that takes its answers slowly is not read, nor given up", "[bounds]") {
    Scene scene;
    const std::vector<std::uint8_t> page(limits::control_payload_max, 3);
    std::size_t answered = 0;
    while (scene.link->wants_to_read()) {
        scene.link->send(server(ServerType::listing, 1), page);
        ++answered;
    }
    CHECK(answered >= 4);
    CHECK(answered <= 8);
    CHECK_FALSE(scene.link->overfull());
    while (!scene.link->wants_to_read()) {
        scene.flush();
        scene.read();
    }
    CHECK(scene.alive);
}

TEST_CASE("answers behind a run that is sent count, too", "[bounds]") {
    Scene scene;
    scene.dir.write("f", test::random_content(length, 1));
    scene.link->send_run(7, head_of_run(7, length), scene.open("f"), 0, length);
    const std::vector<std::uint8_t> page(limits::control_payload_max, 3);
    std::size_t answered = 0;
    while (scene.link->wants_to_read()) {
        scene.link->send(server(ServerType::listing, 8 + answered), page);
        ++answered;
    }
    CHECK(answered <= 8);
    CHECK_FALSE(scene.link->overfull());
}

TEST_CASE("a file that nobody asks for is let go of after some seconds", "[peer][open_files]") {
    test::StoreFixture store;
    store.dir.write("shared/f", std::vector<std::uint8_t>(1000, 7));
    store.follow();
    const integrity::FileId id = store->catalog().find("f").file->id;
    OpenFiles files(store->catalog());
    TimePoint now{std::chrono::hours(1)};
    CHECK_FALSE(files.next_timeout());
    std::weak_ptr<OpenFile> open = files.get(id, now).value();
    now += 4s;
    CHECK(files.get(id, now).value() == open.lock());  // asked for again
    now += 4s;
    files.close_idle(now);
    CHECK_FALSE(open.expired());
    REQUIRE(files.next_timeout());
    now = *files.next_timeout();
    files.close_idle(now);
    CHECK(open.expired());
    CHECK_FALSE(files.next_timeout());
}

}  // namespace
}  // namespace shoal::peer
