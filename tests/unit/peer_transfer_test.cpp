#include <catch2/catch.hpp>

#include "../support/played_hosts.hpp"
#include "peer/transfer.hpp"

namespace shoal::peer {
namespace {

using protocol::ClientType;
using protocol::ServerType;
using protocol::samples::server;
using test::Hosts;

struct TransferScene : Hosts {
    TransferScene() {
        for (std::uint8_t i = 0; i < 2; ++i) {
            add(static_cast<std::uint8_t>(2 + i));
        }
        transfer.emplace(wiring, servers, TransferOrder{1, test::safe("big"), tree.id, false, 0},
                         listener);
        transfer->start(now);
    }
    // Lets `host` say that it holds all, give the hashes, and the keeper open the file.
    void open_with(test::FakeServer& host) {
        tell_holds_all(host);
        transfer->drive(now);
        for (const auto& question : host.take(ClientType::chunk_hashes, now)) {
            auto answer = server(ServerType::chunk_hashes, question.id);
            answer.fileSize = tree.id.size;
            answer.digest = tree.id.root;
            answer.count = question.count;
            host.send(answer, protocol::pack_digests(tree.chunk_hashes));
        }
        host.deliver(now);
        const auto orders = keeper_mail<OpenPartial>();
        REQUIRE(orders.size() == 1);
        transfer->handle_opened(
            {1, store->open_partial(orders[0].name, orders[0].id, orders[0].chunk_hashes)}, now);
    }
    void tell_holds_all(test::FakeServer& host) {
        for (const auto& question : host.take(ClientType::subscribe, now)) {
            auto answer = server(ServerType::holding, question.id);
            answer.fileSize = tree.id.size;
            answer.digest = tree.id.root;
            answer.held = tree.chunk_hashes.size();
            host.send(answer);
        }
        host.deliver(now);
    }
    [[nodiscard]] std::span<const std::uint8_t> bytes_of(
        const protocol::clientMessage& request) const {
        const integrity::Geometry geometry(content.size());
        const LeafRun run{{request.first}, request.count};
        return std::span(content).subspan(integrity::Geometry::run_offset(run),
                                          geometry.run_length(run));
    }
    void hash() {
        std::vector<std::uint8_t> scratch;
        while (std::optional<Check> check = wiring.checks.take()) {
            auto leaves = check->partial->hash_leaves(check->leaves(), scratch);
            transfer->handle_checked({std::move(*check), std::move(leaves)}, now);
        }
    }
    void deliver_and_hash(test::FakeServer& host) {
        host.deliver(now);
        hash();
    }
    // Serves what `host` is asked for until it is asked for nothing more.
    void serve(test::FakeServer& host) {
        for (int turn = 0; turn < 100; ++turn) {
            transfer->drive(now);
            const auto said = host.take(now);
            for (const auto& message : said) {
                if (message.type == static_cast<std::uint16_t>(ClientType::request)) {
                    host.send_data(message, bytes_of(message));
                    deliver_and_hash(host);
                }
            }
            if (said.empty()) {
                return;
            }
        }
    }
    void finish() {
        for (const FinishPartial& order : keeper_mail<FinishPartial>()) {
            const Status done = store->finish(order.partial, order.partial->name());
            transfer->handle_saved({1, false, done, "big", {}}, now);
        }
    }
    std::vector<std::uint8_t> content = test::random_content(200'000, 3);  // 4 chunks
    integrity::FileTree tree = test::tree_of(content);
    std::optional<Transfer> transfer;
};

TEST_CASE("a transfer: hashes, data, verified, saved, byte-equal") {
    TransferScene scene;
    scene.open_with(*scene.far[0]);
    scene.serve(*scene.far[0]);
    scene.finish();
    REQUIRE(scene.listener.results.size() == 1);
    CHECK(scene.listener.results[0].outcome == Outcome::done);
    CHECK(scene.listener.verified == scene.content.size());
    CHECK(scene.store.dir.read("downloads/big") == scene.content);
    CHECK(scene.transfer->over());
}

TEST_CASE("a bad chunk: the next message of its server tells a lie from a change") {
    TransferScene scene;
    auto& first = *scene.far[0];
    scene.open_with(first);
    scene.transfer->drive(scene.now);
    const auto requests = first.take(ClientType::request, scene.now);
    REQUIRE_FALSE(requests.empty());
    bool lie = false;
    SECTION("changed") {
        for (const auto& request : requests) {
            first.send_data(request, std::vector<std::uint8_t>(scene.bytes_of(request).size()));
            first.refuse(request.id, protocol::Status::changed);
        }
        scene.deliver_and_hash(first);
    }
    SECTION("lie") {
        lie = true;
        for (const auto& request : requests) {
            first.send_data(request, std::vector<std::uint8_t>(scene.bytes_of(request).size()));
        }
        scene.deliver_and_hash(first);
        CHECK(scene.listener.notes.empty());
        scene.answer_status(first);
    }
    SECTION("lie, and then silence") {
        lie = true;
        for (const auto& request : requests) {
            first.send_data(request, std::vector<std::uint8_t>(scene.bytes_of(request).size()));
        }
        scene.deliver_and_hash(first);
        scene.transfer->drive(scene.now);
        REQUIRE(scene.transfer->next_timeout());
        scene.now += 2s;
    }
    scene.answer_status(first);
    scene.transfer->drive(scene.now);
    CHECK(scene.listener.noted(FetchNote::Kind::bad_source) == lie);
    CHECK(scene.listener.noted(FetchNote::Kind::source_lost) == !lie);
    CHECK(scene.listener.verified == 0);

    scene.tell_holds_all(*scene.far[1]);
    scene.serve(*scene.far[1]);
    scene.finish();
    CHECK(scene.store.dir.read("downloads/big") == scene.content);
}

TEST_CASE("a chunk counts by what can be read back, not by what came") {
    TransferScene scene;
    auto& host = *scene.far[0];
    scene.open_with(host);
    scene.transfer->drive(scene.now);
    for (const auto& request : host.take(ClientType::request, scene.now)) {
        host.send_data(request, scene.bytes_of(request));
    }
    host.deliver(scene.now);
    const std::optional<Check> check = scene.wiring.checks.take();
    REQUIRE(check);
    std::vector<std::uint8_t> scratch;
    auto leaves = check->partial->hash_leaves(check->leaves(), scratch);
    REQUIRE(leaves.ok());
    leaves->front().bytes[0] ^= 1;  // one chunk of it is not what its senders sent
    scene.transfer->handle_checked({*check, std::move(leaves)}, scene.now);
    CHECK_FALSE(check->partial->holds(check->first));
    CHECK(check->partial->held_count() == check->count - 1);
}

TEST_CASE("a part that cannot be read back ends the transfer and says so") {
    TransferScene scene;
    auto& host = *scene.far[0];
    scene.open_with(host);
    scene.transfer->drive(scene.now);
    for (const auto& request : host.take(ClientType::request, scene.now)) {
        host.send_data(request, scene.bytes_of(request));
    }
    host.deliver(scene.now);
    std::filesystem::resize_file(scene.store.dir.path() + "/downloads/big.part", 0);
    scene.hash();
    REQUIRE(scene.listener.results.size() == 1);
    CHECK(scene.listener.results[0].outcome == Outcome::failed);
    CHECK_THAT(scene.listener.results[0].text, Catch::Contains("was cut"));
    CHECK(scene.listener.results[0].meddled);
}

TEST_CASE("a transfer that is stopped leaves a part that the next one takes over") {
    TransferScene scene;
    scene.open_with(*scene.far[0]);
    scene.transfer->drive(scene.now);
    const auto request = scene.far[0]->take(ClientType::request, scene.now).at(0);
    scene.far[0]->send_data(request, scene.bytes_of(request));
    scene.deliver_and_hash(*scene.far[0]);
    scene.transfer->drive(scene.now);
    const std::uint64_t kept = scene.listener.verified;
    scene.transfer->stop();
    const auto closed = scene.keeper_mail<ClosePartial>();
    REQUIRE(closed.size() == 1);
    REQUIRE(scene.store->close_partial(closed[0].partial));
    CHECK(scene.listener.results.empty());
    const auto again =
        scene.store->open_partial(test::safe("big"), scene.tree.id, scene.tree.chunk_hashes);
    REQUIRE(again.ok());
    test::prove_all(**again);
    CHECK((*again)->resumed().kept_bytes == kept);
}

TEST_CASE("what arrives after a transfer has ended is nobody's") {
    TransferScene scene;
    scene.open_with(*scene.far[0]);
    scene.transfer->drive(scene.now);
    const auto request = scene.far[0]->take(ClientType::request, scene.now).at(0);
    scene.transfer.reset();
    scene.far[0]->send_data(request, scene.bytes_of(request));
    scene.far[0]->refuse(request.id, protocol::Status::changed);
    scene.far[0]->deliver(scene.now);
    CHECK(scene.far[0]->link().usable());
    CHECK(scene.listener.results.empty());
}

TEST_CASE("a source that gives no hashes, or wrong ones, is passed over") {
    TransferScene scene;
    auto& first = *scene.far[0];
    scene.tell_holds_all(first);
    scene.transfer->drive(scene.now);
    const auto question = first.take(ClientType::chunk_hashes, scene.now).at(0);
    bool lie = false;
    SECTION("none") { first.refuse(question.id, protocol::Status::not_held); }
    SECTION("wrong") {
        lie = true;
        auto answer = server(ServerType::chunk_hashes, question.id);
        answer.fileSize = scene.tree.id.size;
        answer.digest = scene.tree.id.root;
        answer.count = question.count;
        first.send(answer, std::vector<std::uint8_t>(32 * question.count));
    }
    first.deliver(scene.now);
    CHECK(scene.listener.noted(FetchNote::Kind::bad_source) == lie);
    scene.open_with(*scene.far[1]);
    scene.serve(*scene.far[1]);
    scene.finish();
    CHECK(scene.listener.results.size() == 1);
}

}  // namespace
}  // namespace shoal::peer
