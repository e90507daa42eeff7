#include <catch2/catch.hpp>

#include "../support/played_hosts.hpp"
#include "peer/small_files.hpp"

namespace shoal::peer {
namespace {

using protocol::ClientType;
using protocol::ServerType;
using protocol::Status;
using protocol::samples::server;
using test::Hosts;

struct SmallScene : Hosts {
    std::vector<std::uint8_t> content(std::size_t index) const {
        return test::random_content(1000, index + 1);
    }
    void add_file(std::size_t index, std::vector<SourceId> holders) {
        small.add({test::safe("file" + std::to_string(index)), test::tree_of(content(index)).id,
                   false, std::move(holders), &listener, index});
    }
    std::size_t saved() {
        std::size_t count = 0;
        for (const SaveSmall& order : keeper_mail<SaveSmall>()) {
            small.handle_saved({order.item, true, {}, order.file.name.text(), {}}, now);
            ++count;
        }
        return count;
    }
    SmallFiles small{wiring, servers};
};

TEST_CASE("small files are asked for without waiting for each other") {
    SmallScene scene;
    auto& host = scene.add(2);
    for (std::size_t i = 0; i < 100; ++i) {
        scene.add_file(i, {host.id()});
    }
    scene.small.drive(scene.now);
    const auto requests = host.take(ClientType::request, scene.now);
    REQUIRE(requests.size() == 100);
    for (std::size_t i = 0; i < 100; ++i) {
        host.send_data(requests[i], scene.content(i));
        host.deliver(scene.now);
    }
    CHECK(scene.saved() == 100);
    CHECK(scene.listener.results.size() == 100);
    CHECK(scene.listener.verified == 100'000);
}

TEST_CASE("a full holder does not keep another's files waiting") {
    SmallScene scene;
    auto& silent = scene.add(2);
    auto& good = scene.add(3);
    for (std::size_t i = 0; i < 300; ++i) {
        scene.add_file(i, {i < 200 ? silent.id() : good.id()});
    }
    scene.small.drive(scene.now);
    CHECK(silent.take(ClientType::request, scene.now).size() < 200);
    CHECK(good.take(ClientType::request, scene.now).size() == 100);
}

TEST_CASE("when a holder stalls, another gives its files and is preferred") {
    SmallScene scene;
    auto& silent = scene.add(2);
    auto& good = scene.add(3);
    for (std::size_t i = 0; i < 10; ++i) {
        scene.add_file(i, {silent.id(), good.id()});
    }
    scene.small.drive(scene.now);
    const auto owed = silent.take(ClientType::request, scene.now);
    REQUIRE_FALSE(owed.empty());
    const auto given = good.take(ClientType::request, scene.now);
    CHECK(owed.size() + given.size() == 10);
    for (const auto& request : given) {
        for (std::size_t i = 0; i < 10; ++i) {
            if (request.digest == test::tree_of(scene.content(i)).id.root) {
                good.send_data(request, scene.content(i));
            }
        }
    }
    good.deliver(scene.now);
    CHECK(scene.saved() == given.size());
    REQUIRE(scene.small.next_timeout());
    scene.now = *scene.small.next_timeout();
    scene.small.drive(scene.now);
    CHECK(silent.take(ClientType::cancel, scene.now).size() == owed.size());
    CHECK(good.take(ClientType::request, scene.now).size() == owed.size());
    scene.add_file(10, {silent.id(), good.id()});
    scene.small.drive(scene.now);
    CHECK(silent.take(ClientType::request, scene.now).empty());
    CHECK(good.take(ClientType::request, scene.now).size() == 1);
}

TEST_CASE("a small file that does not verify: the next message tells a lie from a change") {
    SmallScene scene;
    auto& first = scene.add(2);
    auto& second = scene.add(3);
    scene.add_file(0, {first.id()});
    scene.small.drive(scene.now);
    const auto request = first.take(ClientType::request, scene.now).at(0);
    first.send_data(request, std::vector<std::uint8_t>(1000));
    bool lie = false;
    SECTION("changed") {
        first.refuse(request.id, Status::changed);
        first.deliver(scene.now);
    }
    SECTION("lie") {
        lie = true;
        first.deliver(scene.now);
        CHECK_FALSE(scene.listener.noted(FetchNote::Kind::bad_source));
        scene.answer_status(first);
    }
    SECTION("lie, and then silence") {
        lie = true;
        first.deliver(scene.now);
        scene.now = *scene.small.next_timeout();
        scene.small.drive(scene.now);
    }
    CHECK(scene.listener.noted(FetchNote::Kind::bad_source) == lie);
    scene.small.drive(scene.now);
    CHECK(scene.small.parked(&scene.listener));
    CHECK(first.take(ClientType::query, scene.now).empty());  // it is not asked again

    // The other one has it by now.
    const auto question = second.take(ClientType::query, scene.now).at(0);
    auto has = server(ServerType::file, question.id);
    has.fileSize = 1000;
    has.digest = test::tree_of(scene.content(0)).id.root;
    has.held = 1;
    second.send(has);
    second.deliver(scene.now);
    scene.small.drive(scene.now);
    second.send_data(second.take(ClientType::request, scene.now).at(0), scene.content(0));
    second.deliver(scene.now);
    CHECK(scene.saved() == 1);
    CHECK(scene.listener.results.at(0).outcome == Outcome::done);
}

TEST_CASE("a full disk parks a small file, and it is saved when there is room") {
    SmallScene scene;
    auto& host = scene.add(2);
    scene.add_file(0, {host.id()});
    scene.small.drive(scene.now);
    host.send_data(host.take(ClientType::request, scene.now).at(0), scene.content(0));
    host.deliver(scene.now);
    auto order = scene.keeper_mail<SaveSmall>().at(0);
    scene.small.handle_saved({order.item, true, Error{ErrorKind::no_space, "full"}, "file0",
                              std::move(order.file.bytes)},
                             scene.now);
    CHECK(scene.small.disk_is_full());
    CHECK(scene.listener.results.empty());
    scene.now = *scene.small.next_timeout();
    scene.small.drive(scene.now);
    CHECK(scene.saved() == 1);
    CHECK(scene.listener.results.size() == 1);
}

TEST_CASE("nobody is called for a listener that left") {
    SmallScene scene;
    auto& host = scene.add(2);
    scene.add_file(0, {host.id()});
    scene.add_file(1, {host.id()});
    scene.small.drive(scene.now);
    const auto requests = host.take(ClientType::request, scene.now);
    host.send_data(requests.at(0), scene.content(0));
    host.deliver(scene.now);
    scene.small.forget(&scene.listener);
    CHECK(host.take(ClientType::cancel, scene.now).size() == 1);
    host.send_data(requests.at(1), scene.content(1));
    host.deliver(scene.now);
    scene.saved();
    CHECK(scene.listener.results.empty());
    CHECK(scene.wiring.figures.unwanted_data == 1000);
}

TEST_CASE("a host that is too busy is asked again after a pause, not at once", "[bounds]") {
    SmallScene scene;
    auto& busy = scene.add(2);
    scene.add_file(0, {busy.id()});
    int asked = 0;
    const TimePoint end = scene.now + 10s;
    while (scene.now < end) {
        scene.small.drive(scene.now);
        for (const auto& request : busy.take(ClientType::request, scene.now)) {
            busy.refuse(request.id, Status::busy);
            ++asked;
        }
        busy.deliver(scene.now);
        scene.small.drive(scene.now);
        const auto next = scene.small.next_timeout();
        REQUIRE(next);
        scene.now = std::max(scene.now + 1ms, *next);
    }
    CHECK(asked >= 4);
    CHECK(asked <= 20);
}

}  // namespace
}  // namespace shoal::peer
