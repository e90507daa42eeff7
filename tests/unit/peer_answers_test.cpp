#include <catch2/catch.hpp>

#include "../support/protocol_samples.hpp"
#include "../support/store_fixture.hpp"
#include "peer/answers.hpp"

namespace shoal::peer {
namespace {

using protocol::ClientType;
using protocol::ServerType;
using protocol::Status;
using protocol::samples::client;

bool is(const Answer& answer, ServerType type, Status status = Status::ok) {
    return answer.message.type == static_cast<std::uint16_t>(type) &&
           answer.message.status == static_cast<std::uint16_t>(status);
}
bool is(const Answer& answer, Status refused) { return is(answer, ServerType::answer, refused); }

protocol::clientMessage about(ClientType type, const integrity::FileId& id, std::uint64_t first = 0,
                              std::uint32_t count = 0) {
    auto question = client(type, 5);
    question.fileSize = id.size;
    question.digest = id.root;
    question.first = first;
    question.count = count;
    return question;
}
protocol::clientMessage named(ClientType type, std::string_view path) {
    auto question = client(type, 5);
    question.set_path(path);
    return question;
}

struct Scene {
    Scene() {
        store.dir.write("shared/large", large);
        store.dir.write("shared/folder/small", "hello");
        store.dir.write("shared/empty", "");
        store.reopen();
        files.emplace(store->catalog());
    }
    std::vector<std::uint8_t> large = test::random_content(200'000, 1);  // 4 chunks
    integrity::FileTree tree = test::tree_of(large);
    test::StoreFixture store;
    std::optional<OpenFiles> files;
};

TEST_CASE("a query is pending until the file is hashed, then tells what it is") {
    Scene scene;
    const auto question = named(ClientType::query, "large");
    const Answer interim = answer_query(scene.store->catalog(), question);
    REQUIRE(is(interim, ServerType::file, Status::pending));
    CHECK(interim.message.fileSize == scene.large.size());
    CHECK(interim.message.first == 0);
    CHECK(interim.message.flags == 0);
    scene.store->catalog().set_hashed(store::Where::shared, "large", 4096);
    CHECK(answer_query(scene.store->catalog(), question).message.first == 4096);
    scene.store->catalog().set_being_written(store::Where::shared, "large", true);
    CHECK(answer_query(scene.store->catalog(), question).message.flags ==
          protocol::flag_being_written);
    scene.store.settle();
    const Answer answer = answer_query(scene.store->catalog(), question);
    REQUIRE(is(answer, ServerType::file));
    CHECK(answer.message.id == 5);
    CHECK(answer.message.fileSize == scene.large.size());
    CHECK(answer.message.digest == scene.tree.id.root);
    CHECK(answer.message.held == 4);
}

TEST_CASE("queries for what is not here, or could never be") {
    Scene scene;
    scene.store.settle();
    const auto& catalog = scene.store->catalog();
    CHECK(is(answer_query(catalog, named(ClientType::query, "other")), Status::not_found));
    for (const char* bad : {"", "../large", "/large", "a//b", "a\\b"}) {
        CHECK(is(answer_query(catalog, named(ClientType::query, bad)), Status::bad_request));
    }
    const Answer empty = answer_query(catalog, named(ClientType::query, "empty"));
    CHECK(is(empty, ServerType::file));
    CHECK(empty.message.held == 0);
}

TEST_CASE("a listing goes on from its cursor and says which page is the last") {
    Scene scene;
    for (int i = 0; i < 1500; ++i) {
        scene.store.dir.write("shared/many/" + std::to_string(10'000 + i), "x");
    }
    scene.store.reopen();
    scene.store.settle();
    std::vector<std::string> names;
    std::string cursor = "many/";
    bool last = false;
    for (int pages = 0; !last; ++pages) {
        REQUIRE(pages < 10);
        auto question = named(ClientType::list, cursor);
        question.prefixLength = 5;
        const Answer answer = answer_list(scene.store->catalog(), question);
        REQUIRE(is(answer, ServerType::listing));
        CHECK(answer.payload.size() <= limits::control_payload_max);
        const auto records = protocol::parse_listing(answer.payload).value();
        CHECK(records.size() == answer.message.count);
        for (const auto& record : records) {
            names.emplace_back(record.name);
        }
        last = (answer.message.flags & protocol::flag_last_page) != 0;
        cursor = names.back();
    }
    CHECK(names.size() == 1500);
    CHECK(std::is_sorted(names.begin(), names.end()));
    auto beginning = named(ClientType::list, "many/100");
    beginning.prefixLength = 8;
    CHECK(answer_list(scene.store->catalog(), beginning).message.count == 100);
    auto whole = named(ClientType::list, "many/10000");  // a name, and a beginning of others
    whole.prefixLength = 10;
    CHECK(answer_list(scene.store->catalog(), whole).message.count == 1);
    whole.set_path(std::string("many/10000") + '\0');
    CHECK(answer_list(scene.store->catalog(), whole).message.count == 0);
    auto bad = named(ClientType::list, "../many");
    bad.prefixLength = 3;
    CHECK(is(answer_list(scene.store->catalog(), bad), Status::bad_request));
}

TEST_CASE("a listing tells what is pending, and whether it is all there is") {
    Scene scene;
    auto& catalog = scene.store->catalog();
    const auto list = [&](std::string_view prefix) {
        auto question = named(ClientType::list, prefix);
        question.prefixLength = static_cast<std::uint16_t>(prefix.size());
        return answer_list(catalog, question);
    };
    const Answer before = list("");
    CHECK(before.message.flags == protocol::flag_last_page);
    const auto records = protocol::parse_listing(before.payload).value();
    REQUIRE(records.size() == 3);
    CHECK(records[0].name == "empty");
    CHECK(records[0].id == integrity::unhashed(0));
    CHECK(records[2].name == "large");
    CHECK(records[2].id == integrity::unhashed(scene.large.size()));
    CHECK(records[2].held == 0);
    CHECK(records[2].mtime > 0);
    scene.store.settle();
    CHECK(protocol::parse_listing(list("large").payload).value().at(0).id == scene.tree.id);
    catalog.put_unseen(store::Where::shared, "folder/");
    // It is told, and only what is below it is not known.
    const Answer with_unseen = list("");
    CHECK(with_unseen.message.flags == protocol::flag_last_page);
    std::string names;
    const auto with_folder = protocol::parse_listing(with_unseen.payload).value();
    for (const auto& record : with_folder) {
        names += std::string(record.name) + ' ';
    }
    CHECK(names.starts_with("empty folder/ "));
    constexpr std::uint16_t incomplete = protocol::flag_last_page | protocol::flag_incomplete;
    CHECK(list("folder/s").message.flags == incomplete);
    CHECK(list("folder/").message.flags == incomplete);
    CHECK(protocol::parse_listing(list("folder/").payload).value().at(0).name == "folder/");
    CHECK(list("large").message.flags == protocol::flag_last_page);
    // After it, it is not told again.
    auto next = named(ClientType::list, "folder/");
    next.prefixLength = 0;
    CHECK(protocol::parse_listing(answer_list(catalog, next).payload).value().at(0).name !=
          "folder/");
    // A folder that no message has room for.
    catalog.put_unseen(store::Where::shared, std::string(limits::path_max - 1, 'x') + '/');
    CHECK(list("").message.flags == incomplete);
    CHECK(list("large").message.flags == protocol::flag_last_page);

    const Answer below = answer_query(catalog, named(ClientType::query, "folder/x"));
    CHECK(says_pending(below));
    CHECK(below.message.flags == protocol::flag_incomplete);
    CHECK(is(answer_query(catalog, named(ClientType::query, "x")), Status::not_found));
}

TEST_CASE("chunk hashes lead to the root; chunks that are not there are refused") {
    Scene scene;
    scene.store.settle();
    const auto& catalog = scene.store->catalog();
    const auto ask = [&](std::uint64_t first, std::uint32_t count) {
        return answer_chunk_hashes(catalog,
                                   about(ClientType::chunk_hashes, scene.tree.id, first, count));
    };
    const Answer all = ask(0, 4);
    REQUIRE(is(all, ServerType::chunk_hashes));
    CHECK(integrity::file_root(protocol::unpack_digests(all.payload),
                               integrity::Geometry(scene.tree.id.size)) == scene.tree.id.root);
    CHECK(ask(3, 1).message.count == 1);
    CHECK(is(ask(0, 0), Status::bad_request));
    CHECK(is(ask(0, 5), Status::bad_request));
    CHECK(is(ask(4, 1), Status::bad_request));
    CHECK(is(ask(UINT64_MAX, 1), Status::bad_request));
    CHECK(is(ask(1, UINT32_MAX), Status::bad_request));
    auto other = scene.tree.id;
    other.root.bytes[0] ^= 1;
    CHECK(is(answer_chunk_hashes(catalog, about(ClientType::chunk_hashes, other, 0, 1)),
             Status::not_found));
    other.size = UINT64_MAX;
    CHECK(is(answer_chunk_hashes(catalog, about(ClientType::chunk_hashes, other, 0, 1)),
             Status::bad_request));
}

TEST_CASE("leaf hashes hash up to the chunk, and are refused of a file that changed") {
    Scene scene;
    scene.store.settle();
    const auto question = about(ClientType::leaf_hashes, scene.tree.id, 3);
    const Answer answer = answer_leaf_hashes(*scene.files, question);
    REQUIRE(is(answer, ServerType::leaf_hashes));
    CHECK(integrity::chunk_hash(protocol::unpack_digests(answer.payload),
                                integrity::Geometry(scene.tree.id.size)) ==
          scene.tree.chunk_hashes.at(3));
    CHECK(is(answer_leaf_hashes(*scene.files, about(ClientType::leaf_hashes, scene.tree.id, 4)),
             Status::bad_request));
    scene.store.dir.write("shared/large", test::random_content(200'000, 2));
    CHECK_FALSE(is(answer_leaf_hashes(*scene.files, question), ServerType::leaf_hashes));
}

TEST_CASE("a subscriber learns what is held: all, nothing, or a bitmap") {
    Scene scene;
    scene.store.settle();
    const auto& catalog = scene.store->catalog();
    const Answer all = answer_subscribe(catalog, about(ClientType::subscribe, scene.tree.id));
    REQUIRE(is(all, ServerType::holding));
    CHECK(all.message.held == 4);
    CHECK(all.payload.empty());

    const auto content = test::random_content(300'000, 7);
    const auto wanted = test::tree_of(content);
    const Answer none = answer_subscribe(catalog, about(ClientType::subscribe, wanted.id));
    CHECK(is(none, ServerType::holding));
    CHECK(none.message.held == 0);
    CHECK(none.payload.empty());

    auto partial =
        scene.store->open_partial(test::safe("new"), wanted.id, wanted.chunk_hashes).value();
    REQUIRE(partial->write(65'536, std::span(content).subspan(65'536, 65'536)));
    partial->mark_verified({1});
    const Answer some = answer_subscribe(catalog, about(ClientType::subscribe, wanted.id));
    CHECK(some.message.held == 1);
    CHECK(some.payload == std::vector<std::uint8_t>{0x40});

    CHECK(is(answer_subscribe(catalog, about(ClientType::subscribe, {UINT64_MAX, {}})),
             Status::bad_request));
}

TEST_CASE("the status is lines of a key and a value") {
    Scene scene;
    scene.store.settle();
    Wiring wiring;
    wiring.catalog = &scene.store->catalog();
    const Answer answer = answer_status(wiring, 9);
    const std::string text(answer.payload.begin(), answer.payload.end());
    CHECK(answer.message.id == 9);
    CHECK_THAT(text, Catch::Contains("files 3\n"));
    CHECK(text.back() == '\n');
}

}  // namespace
}  // namespace shoal::peer
