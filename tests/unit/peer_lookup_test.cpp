// What a name means, and when "no" may be said, with hosts that the test plays.
#include <catch2/catch.hpp>

#include "../support/played_hosts.hpp"
#include "peer/lookup.hpp"
#include "peer/tree.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::peer {
namespace {

using protocol::ClientType;
using protocol::ServerType;
using protocol::Status;
using test::FakeServer;

integrity::FileId content(std::uint64_t size) {
    integrity::FileId id{size, {}};
    id.root.bytes[0] = 9;
    return id;
}

struct Scene {
    Scene() {
        wiring.identity.node = protocol::samples::node_from(200);
        wiring.catalog = &store->catalog();
        engine.table_seen = true;
    }
    FakeServer& add(std::uint8_t last) {
        far.push_back(std::make_unique<FakeServer>(wiring, engine.servers, last, now));
        FakeServer& host = *far.back();
        host.say_hello(now);
        told.handle_up(host.link().known_as);
        return host;
    }
    void lose(FakeServer& host, bool listed = true) {
        ServerLink& link = host.link();
        told.handle_lost(link.known_as, listed, false, now);
        host.hang_up();
        link.receive(1, now);
        link.tell_lost(now);
        if (lookup) {
            lookup->handle_link_lost(link);
        }
        engine.servers.remove(host.id());
    }
    void ask(const std::string& name, bool hashed = true) {
        answer.reset();
        lookup = std::make_unique<Lookup>(
            engine, told, LookupOrder{*store::SafePath::parse(name), {}, hashed}, now);
        lookup->add([this](const Result<Meaning>& meaning) { answer = meaning; });
        lookup->drive(now);
    }
    void drive() { lookup->drive(now); }
    void look_on_disk() { lookup->handle_name_settled(lookup->order().name.text()); }
    // The host's word on the file, and on a folder of that name.
    void reply(FakeServer& host, Status file, std::uint64_t size = 0) {
        for (const auto& question : host.take(now)) {
            if (question.type == static_cast<std::uint16_t>(ClientType::list)) {
                auto listing = protocol::samples::server(ServerType::listing, question.id);
                listing.flags = protocol::flag_last_page;
                host.send(listing);
            } else if (file == Status::ok || file == Status::pending) {
                auto message = protocol::samples::server(ServerType::file, question.id, file);
                message.fileSize = size;
                message.digest = file == Status::ok ? content(size).root : integrity::Digest{};
                message.held = file == Status::ok ? 1 : 0;
                message.first = 100;
                host.send(message);
            } else {
                host.refuse(question.id, file);
            }
        }
        host.deliver(now);
        drive();
    }
    [[nodiscard]] bool waits() const { return !answer; }
    [[nodiscard]] std::optional<ErrorKind> error() const {
        return answer && !answer->ok() ? std::optional(answer->error().kind) : std::nullopt;
    }

    TimePoint now{1h};
    test::StoreFixture store;
    Wiring wiring;
    Engine engine{wiring};
    Told told;
    std::vector<std::unique_ptr<FakeServer>> far;
    std::unique_ptr<Lookup> lookup;
    std::optional<Result<Meaning>> answer;
};

TEST_CASE("no is said when every host has said so, and the disk was looked at") {
    Scene scene;
    FakeServer& b = scene.add(2);
    FakeServer& c = scene.add(3);
    scene.ask("x");
    scene.reply(b, Status::not_found);
    CHECK(scene.waits());
    scene.reply(c, Status::not_found);
    CHECK(scene.waits());
    scene.look_on_disk();
    scene.drive();
    CHECK(scene.error() == ErrorKind::not_found);
}

TEST_CASE("silence, a refusal and a loss are no words: the answer is that it is not known") {
    enum class How { silent, busy, closing, lost, dialled, starting };
    for (const How how :
         {How::silent, How::busy, How::closing, How::lost, How::dialled, How::starting}) {
        CAPTURE(static_cast<int>(how));
        Scene scene;
        FakeServer& b = scene.add(2);
        FakeServer& c = scene.add(3);
        if (how == How::dialled) {
            scene.engine.unheard = {"127.0.0.4:8080"};
        }
        scene.engine.table_seen = how != How::starting;
        scene.ask("x");
        scene.look_on_disk();
        scene.reply(b, Status::not_found);
        if (how == How::busy || how == How::closing) {
            scene.reply(c, how == How::busy ? Status::busy : Status::closing);
        } else if (how == How::lost) {
            scene.lose(c);
        } else if (how != How::silent) {
            scene.reply(c, Status::not_found);
        }
        scene.now += 9s;
        scene.drive();
        CHECK(scene.waits());
        CHECK(scene.lookup->next_timeout() > scene.now);
        scene.now += 1s;
        scene.drive();
        CHECK(scene.error() == ErrorKind::unknown);
        if (how != How::starting) {
            const std::string host = how == How::dialled ? "127.0.0.4:8080" : "127.0.0.3:8080";
            CHECK(scene.answer->error().message.find(host) != std::string::npos);
        }
    }
}

TEST_CASE("a file that comes here while others are asked is waited for") {
    Scene scene;
    FakeServer& host = scene.add(1);
    scene.ask("f");
    scene.look_on_disk();
    scene.store->catalog().put_pending(store::Where::shared, *store::SafePath::parse("f"));
    scene.drive();
    scene.reply(host, Status::not_found);
    CHECK(scene.waits());
    scene.now += 1min;
    scene.drive();
    CHECK(scene.error() == ErrorKind::unknown);
}

TEST_CASE("who answers late is heard") {
    Scene scene;
    FakeServer& b = scene.add(2);
    scene.ask("x");
    scene.look_on_disk();
    scene.now += 5s;
    scene.drive();
    CHECK(scene.waits());
    scene.reply(b, Status::ok, 5);
    REQUIRE((scene.answer && scene.answer->ok()));
    CHECK((*scene.answer)->id == content(5));
    CHECK((*scene.answer)->away.empty());
}

TEST_CASE("a silent or lost host stands by what it told before") {
    for (const bool lost : {false, true}) {
        CAPTURE(lost);
        Scene scene;
        FakeServer& b = scene.add(2);
        scene.told.put(b.link().known_as, "", {{"f", false, true, content(7), 100}},
                       Told::Extent::whole);
        if (lost) {
            scene.lose(b);
        }
        scene.ask("f", false);
        scene.look_on_disk();
        scene.now += 1s;
        scene.drive();
        REQUIRE((scene.answer && scene.answer->ok()));
        CHECK((*scene.answer)->id == content(7));
        // For the file itself a slow host is waited for.
        scene.ask("f");
        scene.look_on_disk();
        scene.now += 9s;
        scene.drive();
        CHECK(scene.waits() == !lost);
        scene.now += 1s;
        scene.drive();
        REQUIRE((scene.answer && scene.answer->ok()));
        CHECK((*scene.answer)->id == content(7));
        CHECK((*scene.answer)->holders.empty());
        CHECK((*scene.answer)->away.find("127.0.0.2:8080") != std::string::npos);
        // But only while it is lost that says what is not there: once it can be asked it must say
        // so.
        scene.ask("other");
        scene.look_on_disk();
        scene.now += 9s;
        scene.drive();
        CHECK(scene.waits() == !lost);
        scene.now += 1s;
        scene.drive();
        CHECK(scene.error() == (lost ? ErrorKind::not_found : ErrorKind::unknown));
    }
}

TEST_CASE("a host that answers is not held to what it told before") {
    Scene scene;
    FakeServer& b = scene.add(2);
    scene.told.put(b.link().known_as, "", {{"f", false, true, content(7), 100}},
                   Told::Extent::whole);
    scene.ask("f");
    scene.look_on_disk();
    scene.reply(b, Status::not_found);
    CHECK(scene.error() == ErrorKind::not_found);
}

TEST_CASE("a file that nobody has hashed is told by its size, unless its root is wanted") {
    for (const bool hashed : {false, true}) {
        CAPTURE(hashed);
        Scene scene;
        FakeServer& b = scene.add(2);
        scene.ask("f", hashed);
        scene.look_on_disk();
        scene.reply(b, Status::pending, 12'345);
        if (!hashed) {
            scene.reply(b, Status::pending, 12'345);  // the listing, for its time
            REQUIRE((scene.answer && scene.answer->ok()));
            CHECK((*scene.answer)->id.size == 12'345);
            CHECK_FALSE((*scene.answer)->hashed);
            continue;
        }
        CHECK(scene.waits());
        scene.now += 10s;
        scene.drive();
        CHECK(scene.error() == ErrorKind::unknown);
    }
}

TEST_CASE("a host that cannot look there has neither a file nor none") {
    Scene scene;
    FakeServer& b = scene.add(2);
    scene.ask("mnt/x", false);
    scene.look_on_disk();
    std::uint64_t query = 0;
    for (const auto& question : b.take(scene.now)) {
        const bool list = question.type == static_cast<std::uint16_t>(ClientType::list);
        auto answer =
            list ? protocol::samples::server(ServerType::listing, question.id)
                 : protocol::samples::server(ServerType::file, question.id, Status::pending);
        answer.flags = protocol::flag_incomplete;
        answer.flags |= list ? protocol::flag_last_page : std::uint16_t{0};
        query = list ? query : question.id;
        b.send(answer);
    }
    b.deliver(scene.now);
    scene.now += 9s;
    scene.drive();
    CHECK(scene.waits());
    SECTION("for good") {
        scene.now += 1s;
        scene.drive();
        CHECK(scene.error() == ErrorKind::unknown);
        CHECK(scene.answer->error().message.find("does not see all of its folders") !=
              std::string::npos);
    }
    SECTION("and then it can") {
        auto found = protocol::samples::server(ServerType::file, query);
        found.fileSize = 5;
        found.digest = content(5).root;
        found.held = 1;
        b.send(found);
        b.deliver(scene.now);
        scene.drive();
        REQUIRE((scene.answer && scene.answer->ok()));
        CHECK((*scene.answer)->id == content(5));
    }
}

// Folders -----------------------------------------------------------------------------------------

struct Browse {
    explicit Browse(Scene& scene) : tree(scene.engine, scene.told), scene_(scene) {}
    void ask(const std::string& prefix) {
        view.reset();
        tree.browse({prefix, [this](const Result<FolderViewPtr>& told) { view = told; }},
                    scene_.now);
        tree.drive(scene_.now);
    }
    void reply(FakeServer& host, const std::vector<std::string>& names, std::uint16_t flags = 0) {
        for (const auto& question : host.take(ClientType::list, scene_.now)) {
            std::vector<std::uint8_t> page;
            for (const std::string& name : names) {
                protocol::append_record(page, {name, content(5), 1, 100});
            }
            auto listing = protocol::samples::server(ServerType::listing, question.id);
            listing.flags = flags | protocol::flag_last_page;
            listing.count = static_cast<std::uint32_t>(names.size());
            host.send(listing, page);
        }
        host.deliver(scene_.now);
        tree.drive(scene_.now);
    }
    // "a b/", "? a" when it is not complete, "no", "unknown"; "" while it waits.
    std::string said() const {
        if (!view) {
            return "";
        }
        if (!view->ok()) {
            return view->error().kind == ErrorKind::not_found ? "no" : "unknown";
        }
        std::string names = (**view)->complete ? "" : "?";
        for (const TreeEntry& entry : (**view)->entries) {
            names += (names.empty() ? "" : " ") + entry.name + (entry.folder ? "/" : "");
        }
        return names;
    }

    Tree tree;
    std::optional<Result<FolderViewPtr>> view;

  private:
    Scene& scene_;
};

TEST_CASE("a folder is listed when all have told, and a silent host keeps what it told") {
    Scene scene;
    FakeServer& b = scene.add(2);
    FakeServer& c = scene.add(3);
    Browse browse(scene);
    browse.ask("");
    browse.reply(b, {"a", "d/x"});
    scene.now += 2s;
    browse.tree.drive(scene.now);
    CHECK(browse.said().empty());
    browse.reply(c, {"b"});
    CHECK(browse.said() == "a b d/");

    // Slow is not silent.
    scene.now += 2s;
    browse.ask("");
    browse.reply(b, {"a", "d/x"});
    scene.now += 9s;
    browse.tree.drive(scene.now);
    CHECK(browse.said().empty());
    browse.reply(c, {"b", "new"});
    CHECK(browse.said() == "a b d/ new");

    // What it told shows what there is, and not that this is all.
    scene.now += 2s;
    browse.ask("");
    browse.reply(b, {"a", "d/x"});
    scene.now += 10s;
    browse.tree.drive(scene.now);
    CHECK(browse.said() == "? a b d/ new");
    CHECK((**browse.view)->doubts == "127.0.0.3:8080 does not answer");

    // It comes back: what was listed a moment ago is not its word.
    scene.now += 2s;
    browse.ask("");
    browse.reply(b, {"a"});
    browse.reply(c, {"b"});
    CHECK(browse.said() == "a b");
    browse.tree.handle_link(c.link());
    browse.ask("");
    CHECK(browse.said().empty());
    browse.reply(b, {"a"});
    browse.reply(c, {"b"});

    scene.lose(c);
    scene.now += 24h;
    browse.ask("");
    browse.reply(b, {"a"});
    CHECK(browse.said() == "a b");
    CHECK((**browse.view)->entries[1].holders == 0);
}

TEST_CASE("a folder that somebody may have more of is never said to be whole") {
    Scene scene;
    FakeServer& b = scene.add(2);
    scene.add(3);  // says nothing
    Browse browse(scene);
    browse.ask("");
    browse.reply(b, {"a"});
    scene.now += 9s;
    browse.tree.drive(scene.now);
    CHECK(browse.said().empty());
    REQUIRE(browse.tree.next_timeout());
    CHECK(*browse.tree.next_timeout() > scene.now);
    scene.now += 1s;
    browse.tree.drive(scene.now);
    CHECK(browse.said() == "? a");
    CHECK((**browse.view)->doubts == "127.0.0.3:8080 does not answer");
    browse.ask("d/");
    browse.tree.handle_name_settled("d");
    browse.reply(b, {});
    scene.now += 10s;
    browse.tree.drive(scene.now);
    CHECK(browse.said() == "unknown");
}

TEST_CASE("a folder that a host cannot read is there, and only what is in it is not known") {
    Scene scene;
    FakeServer& b = scene.add(2);
    Browse browse(scene);
    browse.ask("");
    browse.reply(b, {"a", "mnt/", "sub/deep/"});
    CHECK(browse.said() == "a mnt/ sub/");
    browse.ask("mnt/");
    browse.tree.handle_name_settled("mnt");
    browse.reply(b, {"mnt/"}, protocol::flag_incomplete);
    scene.now += 10s;
    browse.tree.drive(scene.now);
    CHECK(browse.said() == "unknown");
    // This host's own.
    scene.store->catalog().put_unseen(store::Where::shared, "own/disk/");
    scene.now += 1s;
    browse.ask("");
    browse.reply(b, {"a"});
    CHECK(browse.said() == "a own/");
}

TEST_CASE("a folder is not there when all have said so") {
    Scene scene;
    FakeServer& b = scene.add(2);
    Browse browse(scene);
    browse.ask("d/");
    browse.reply(b, {});
    CHECK(browse.said().empty());
    browse.tree.handle_name_settled("d");  // the disk was looked at
    browse.tree.drive(scene.now);
    CHECK(browse.said() == "no");
}

}  // namespace
}  // namespace shoal::peer
