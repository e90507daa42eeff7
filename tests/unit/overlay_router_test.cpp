// SearchRouter: rows S2 to S6, on hosts that stand alone or in small nets.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "search_scene.hpp"

using namespace shoal;
using namespace shoal::overlay;
using namespace shoal::overlay::scene;

namespace {

using Verdict = SearchRouter::Verdict;
using Kind = SearchRouter::Way::Kind;

// One host with askers 1, 2, … and servers 11, 12, …: host n has the address n.
struct Alone {
    SearchRouter router;
    TimePoint now{1h};

    void askers(int count) {
        for (int n = 1; n <= count; ++n) {
            router.handle_asker_up(asker(n), address_of(n), node_of(n));
        }
    }
    void servers(int first, int count) {
        for (int n = first; n < first + count; ++n) {
            router.handle_server_up(server(n), address_of(n), node_of(n));
        }
    }
    static AskerId asker(int n) { return {static_cast<std::uint64_t>(n)}; }
    static SourceId server(int n) { return {static_cast<std::uint32_t>(n)}; }
    std::vector<SearchRouter::Action> actions() {
        std::vector<SearchRouter::Action> all;
        while (auto action = router.poll()) {
            all.push_back(*action);
        }
        return all;
    }
    // "11:3 12:3": who gets it with which TTL; "reply 1: …"; "resend 2"; "done: …".
    std::string told() {
        std::string words;
        for (const auto& action : actions()) {
            words += (words.empty() ? "" : " ") + word_of(action);
        }
        return words;
    }
};

}  // namespace

TEST_CASE("a search goes to all servers but those who have had it", "[overlay][router]") {
    Alone host;
    host.askers(2);
    host.servers(1, 1);   // the asker itself, connected both ways
    host.servers(10, 4);  // 10 stands on the stack
    const auto verdict =
        host.router.handle_search(host.asker(1), 5, route(1, 4, {10, 20}), host.now);
    CHECK(verdict == Verdict::fresh);
    const auto actions = host.actions();
    REQUIRE(actions.size() == 3);
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const auto& forward = std::get<SearchRouter::Forward>(actions[i]);
        CHECK(forward.to == host.server(static_cast<int>(11 + i)));
        CHECK(forward.route.ttl == 3);
        CHECK(forward.route.stack == std::vector{address_of(10), address_of(20), address_of(1)});
        CHECK(forward.route.wait < 4s);
    }
}

TEST_CASE("S5: the same search of two neighbours is forwarded once", "[overlay][router]") {
    Alone host;
    host.askers(2);
    host.servers(11, 2);
    CHECK(host.router.handle_search(host.asker(1), 5, route(1, 3), host.now) == Verdict::fresh);
    CHECK(host.router.handle_search(host.asker(2), 6, route(1, 7), host.now) == Verdict::duplicate);
    CHECK(host.router.handle_search(host.asker(1), 7, route(1, 7), host.now) == Verdict::duplicate);
    CHECK(host.told() == "11:2 12:2 reply 2/6: dup 1 reply 1/7: dup 1");
    CHECK(host.router.totals().forwarded == 2);
}

TEST_CASE("S2: hops and TTL together are at most 15", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.servers(11, 1);
    host.router.handle_search(host.asker(1), 5, route(1, 200), host.now);
    CHECK(host.told() == "11:14");
    std::vector<int> far(12);
    std::generate(far.begin(), far.end(), [n = 100]() mutable { return n++; });
    host.router.handle_search(host.asker(1), 6, route(2, 200, far), host.now);
    CHECK(host.told() == "11:2");
    far.push_back(200);
    far.push_back(201);  // 14 between, the asker and this host: nobody further
    host.router.handle_search(host.asker(1), 7, route(3, 200, far), host.now);
    CHECK(host.told().empty());
    far.push_back(202);
    CHECK(host.router.handle_search(host.asker(1), 8, route(4, 9, far), host.now) ==
          Verdict::malformed);
}

TEST_CASE("the last hop says that it would have asked on", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.servers(11, 1);
    host.router.handle_search(host.asker(1), 5, route(1, 1), host.now);
    host.router.handle_local_done(id_of(1));
    CHECK(host.told() == "reply 1/5: hosts 1 cut 1");
    host.router.handle_server_gone(host.server(11));
    host.router.handle_search(host.asker(1), 6, route(2, 1), host.now);
    host.router.handle_local_done(id_of(2));
    CHECK(host.told() == "reply 1/6: hosts 1");
}

TEST_CASE("forged stacks go nowhere", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.servers(11, 1);
    const auto verdict = [&](int id, int ttl, const std::vector<int>& stack) {
        return host.router.handle_search(host.asker(1), 5, route(id, ttl, stack), host.now);
    };
    CHECK(verdict(1, 0, {}) == Verdict::malformed);
    CHECK(verdict(2, 3, {20, 21, 20}) == Verdict::malformed);
    CHECK(verdict(3, 3, {1}) == Verdict::malformed);  // whoever sends it has had it before
    CHECK(host.router.handle_search(host.asker(9), 5, route(4, 3), host.now) == Verdict::unknown);
    CHECK(host.told().empty());
    CHECK(host.router.entries() == 0);
}

TEST_CASE("the answer waits for all and carries the sum", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.servers(11, 3);
    host.router.handle_search(host.asker(1), 5, route(1, 3), host.now);
    host.actions();
    Counts branch;
    branch.hosts = 4;
    branch.duplicates = 2;
    host.router.handle_done(host.server(11), id_of(1), branch);
    host.router.handle_done(host.server(11), id_of(1), branch);  // twice counts once
    host.router.handle_done(host.server(12), id_of(1), std::nullopt);
    host.router.handle_local_done(id_of(1));
    CHECK(host.told().empty());
    host.router.handle_server_gone(host.server(13));
    CHECK(host.told() == "reply 1/5: hosts 5 dup 2 lost 1 refused 1");
}

TEST_CASE("a host that did not look at all of its files says so, once", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.router.handle_search(host.asker(1), 5, route(1, 3), host.now);
    host.router.handle_local_done(id_of(1), false);
    host.router.handle_local_done(id_of(1), false);
    CHECK(host.told() == "reply 1/5: hosts 1 unsure 1");
    host.servers(11, 1);
    host.router.handle_search(host.asker(1), 6, route(2, 3), host.now);
    host.actions();
    Counts branch;
    branch.unsure = 2;
    host.router.handle_done(host.server(11), id_of(2), branch);
    host.router.handle_local_done(id_of(2));
    CHECK(host.told() == "reply 1/6: hosts 1 unsure 2");
}

TEST_CASE("who does not answer in time is late", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.servers(11, 1);
    host.router.handle_search(host.asker(1), 5, route(1, 3), host.now);
    host.router.handle_local_done(id_of(1));
    host.actions();
    REQUIRE(host.router.next_timeout() == host.now + 4s);
    host.router.handle_timeout(host.now + 4s);
    CHECK(host.told() == "reply 1/5: hosts 1 late 1");
    // Hits that come late pass all the same, until the entry is forgotten.
    CHECK(host.router.handle_hits(host.server(11), id_of(1), 7, 100).kind == Kind::asker);
    host.router.handle_timeout(host.now + 4s + SearchRouter::keep);
    CHECK(host.router.handle_hits(host.server(11), id_of(1), 8, 100).kind == Kind::drop);
    CHECK(host.router.entries() == 0);
    CHECK_FALSE(host.router.next_timeout());
}

TEST_CASE("S3: hits go to the asker, once, and only from who was asked", "[overlay][router]") {
    Alone host;
    host.askers(2);
    host.servers(11, 2);
    host.router.handle_search(host.asker(1), 5, route(1, 3), host.now);
    const auto way = host.router.handle_hits(host.server(11), id_of(1), 77, 100);
    CHECK(way.kind == Kind::asker);
    CHECK(way.to == host.asker(1));
    CHECK(host.router.handle_hits(host.server(12), id_of(1), 77, 100).kind == Kind::drop);
    CHECK(host.router.handle_hits(host.server(12), id_of(2), 78, 100).kind == Kind::drop);
    host.servers(13, 1);  // came later: it was not asked
    CHECK(host.router.handle_hits(host.server(13), id_of(1), 79, 100).kind == Kind::drop);
    CHECK(host.router.totals().hits_dropped == 3);
}

TEST_CASE("S6: when the asker is gone another way home is found", "[overlay][router]") {
    Alone host;
    host.askers(3);
    host.servers(11, 1);
    host.router.handle_search(host.asker(3), 5, route(1, 3, {2, 30}), host.now);
    host.actions();
    host.router.handle_hits(std::nullopt, id_of(1), 1, 100);
    SECTION("an address of the stack") {
        host.router.handle_asker_gone(host.asker(3));
        CHECK(host.told() == "resend 2");
        CHECK(host.router.handle_hits(host.server(11), id_of(1), 2, 100).to == host.asker(2));
        CHECK(host.router.totals().repaired == 1);
        // The other one waits for no answer.
        host.router.handle_local_done(id_of(1));
        host.router.handle_done(host.server(11), id_of(1), Counts{});
        CHECK(host.told().empty());
    }
    SECTION("one who asked the same") {
        host.router.handle_search(host.asker(1), 9, route(1, 3), host.now);
        host.router.handle_asker_gone(host.asker(2));
        host.router.handle_asker_gone(host.asker(3));
        CHECK(host.told() == "reply 1/9: dup 1 resend 1");
    }
    SECTION("one who comes back") {
        host.router.handle_asker_gone(host.asker(2));
        host.router.handle_asker_gone(host.asker(3));
        CHECK(host.told().empty());
        host.router.handle_asker_up(host.asker(40), address_of(2), node_of(2));
        CHECK(host.router.handle_hits(host.server(11), id_of(1), 2, 100).to == host.asker(40));
        CHECK(host.told() == "resend 40");
    }
}

TEST_CASE("an own search is sent to servers that come later, and ends once", "[overlay][router]") {
    Alone host;
    host.servers(11, 1);
    host.router.begin_own(route(1, 7), host.now);
    CHECK(host.told() == "11:7");
    host.servers(12, 1);
    CHECK(host.told() == "12:7");
    CHECK(host.router.handle_hits(host.server(11), id_of(1), 1, 100).kind == Kind::own);
    host.router.handle_done(host.server(11), id_of(1), Counts{});
    host.router.handle_done(host.server(12), id_of(1), Counts{});
    CHECK(host.told() == "done:");
    host.router.end_own(id_of(1));
    CHECK(host.router.handle_hits(host.server(11), id_of(1), 2, 100).kind != Kind::own);
}

TEST_CASE("a server that never answers is not asked without end", "[overlay][router]") {
    Alone host;
    host.askers(1);
    host.servers(11, 1);
    for (int id = 0; id < 300; ++id) {
        host.router.handle_search(host.asker(1), 5, route(id, 3), host.now);
    }
    CHECK(host.router.totals().forwarded == limits::searches_open_max);
}
