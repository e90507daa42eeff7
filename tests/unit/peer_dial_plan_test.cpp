#include <catch2/catch.hpp>

#include "../support/protocol_samples.hpp"
#include "peer/dial_plan.hpp"

namespace shoal::peer {
namespace {

using protocol::samples::node_from;

net::Address at(int last, std::uint16_t port = 8080) {
    return *net::Address::parse_numeric("127.0.0." + std::to_string(last), port);
}
net::HostName host(const std::string& name) { return {name, 8080}; }
std::vector<net::HostName> hosts(int first, int last) {
    std::vector<net::HostName> list;
    for (int i = first; i <= last; ++i) {
        list.push_back(host("127.0.0." + std::to_string(i)));
    }
    return list;
}

struct Scene {
    DialPlan plan{node_from(1), true};
    TimePoint now{1h};

    void connect(const net::Address& address, const NodeId& node) {
        plan.handle_dialling(address, now);
        plan.handle_handed_over(address);
        plan.handle_up(address, node);
    }
    [[nodiscard]] bool is_due(const net::Address& address) const {
        const auto due = plan.due(now);
        return std::find(due.begin(), due.end(), address) != due.end();
    }
    [[nodiscard]] std::string state(const net::Address& address) const {
        for (const PeerRow& row : plan.rows()) {
            if (row.address == address.to_string()) {
                return row.state;
            }
        }
        return "unknown";
    }
};

TEST_CASE("a row says why its host is down, also while it is tried again") {
    DialPlan plan(node_from(1), false);
    TimePoint now{1h};
    plan.handle_hosts(hosts(2, 2), now);
    const auto row = [&plan] { return plan.rows().at(0); };
    CHECK(row().state == "connecting");
    CHECK(row().reason == DownReason::none);
    CHECK(plan.unsettled() == 1);
    plan.handle_dialling(at(2), now);
    plan.handle_handed_over(at(2));
    CHECK(row().state == "connecting");
    plan.handle_refused(at(2), "it is full", now, DownReason::full);
    CHECK(plan.unsettled() == 0);
    for (int round = 0; round < 2; ++round) {
        CHECK(row().state == "down");
        CHECK(row().reason == DownReason::full);
        CHECK(unreached_text(row()) == "127.0.0.2:8080 is full");
        plan.handle_dialling(at(2), now);
        plan.handle_handed_over(at(2));
    }
    plan.handle_up(at(2), node_from(2));
    CHECK(row().state == "connected");
    CHECK(row().reason == DownReason::none);
    plan.handle_down(at(2), "connection closed", now);
    CHECK(row().reason == DownReason::lost);
    plan.handle_failed(at(2), "Connection refused", now);
    CHECK(row().reason == DownReason::unreachable);
    CHECK(unreached_text(row()) == "127.0.0.2:8080: Connection refused");
    CHECK(down_word(row().reason) == "unreachable");
    CHECK(down_word(DownReason::enough_others) == "enough-others");
}

TEST_CASE("a host of hosts.txt is dialled at once and then each second") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    CHECK(scene.plan.unsettled() == 1);
    REQUIRE(scene.is_due(at(2)));
    scene.plan.handle_dialling(at(2), scene.now);
    CHECK_FALSE(scene.is_due(at(2)));
    CHECK(scene.plan.handle_failed(at(2), "Connection refused", scene.now));
    CHECK(scene.plan.unsettled() == 0);
    CHECK(scene.state(at(2)) == "down");
    CHECK_FALSE(scene.is_due(at(2)));
    scene.now += 1s;
    CHECK(scene.is_due(at(2)));
}

TEST_CASE("failing again for the same reason is no news") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    scene.plan.handle_dialling(at(2), scene.now);
    CHECK(scene.plan.handle_failed(at(2), "Connection refused", scene.now));
    scene.now += 1s;
    scene.plan.handle_dialling(at(2), scene.now);
    CHECK_FALSE(scene.plan.handle_failed(at(2), "Connection refused", scene.now));
    CHECK(scene.plan.handle_failed(at(2), "no answer", scene.now));
}

TEST_CASE("hosts that never answer do not keep later ones from being dialled") {
    Scene scene;
    scene.plan.handle_hosts(hosts(1, 200), scene.now);
    std::set<net::Address> dialled;
    for (int round = 0; round < 3; ++round) {  // 100 attempts fit at a time, each takes 3 s
        auto due = scene.plan.due(scene.now);
        due.resize(std::min<std::size_t>(due.size(), 100));
        for (const auto& address : due) {
            dialled.insert(address);
            scene.plan.handle_dialling(address, scene.now);
        }
        scene.now += DialPlan::attempt_max;
        for (const auto& address : due) {
            scene.plan.handle_failed(address, "no answer", scene.now);
        }
    }
    CHECK(dialled.size() == 200);
}

TEST_CASE("a host that was killed is dialled again at once, then each second") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    scene.connect(at(2), node_from(2));
    CHECK(scene.state(at(2)) == "connected");
    scene.now += 1min;
    scene.plan.handle_down(at(2), "connection closed", scene.now);
    CHECK(scene.is_due(at(2)));
    scene.plan.handle_dialling(at(2), scene.now);
    scene.plan.handle_failed(at(2), "Connection refused", scene.now);
    scene.now += 1s;
    REQUIRE(scene.is_due(at(2)));
    scene.connect(at(2), node_from(3));  // another process
    CHECK(scene.state(at(2)) == "connected");
}

TEST_CASE("an address that is this process is never dialled again, whatever its spelling") {
    Scene scene;
    scene.plan.handle_hosts({host("127.0.0.1"), host("::1"), host("me")}, scene.now);
    scene.plan.handle_resolved(host("me"), {at(7)});
    const auto due = scene.plan.due(scene.now);
    REQUIRE(due.size() == 3);
    for (const auto& address : due) {
        scene.plan.handle_dialling(address, scene.now);
        scene.plan.handle_handed_over(address);
        scene.plan.handle_self(address);
        CHECK(scene.state(address) == "this host");
    }
    scene.now += 1h;
    CHECK(scene.plan.due(scene.now).empty());
    CHECK(scene.plan.unsettled() == 0);
}

TEST_CASE("a second address of a connected node waits until that connection is gone") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 3), scene.now);
    scene.connect(at(2), node_from(2));
    scene.plan.handle_dialling(at(3), scene.now);
    scene.plan.handle_handed_over(at(3));
    scene.plan.handle_duplicate(at(3), node_from(2));
    CHECK(scene.state(at(3)) == "same host");
    scene.now += 1h;
    CHECK(scene.plan.due(scene.now).empty());
    scene.plan.handle_down(at(2), "gone", scene.now);
    CHECK(scene.is_due(at(3)));
}

TEST_CASE("dial-backs are tried once, capped, and forgotten when they end") {
    Scene scene;
    CHECK_FALSE(scene.plan.handle_dial_back(at(2), node_from(1), scene.now));  // this process
    CHECK_FALSE(scene.plan.handle_dial_back(at(2, 0), node_from(2), scene.now));
    REQUIRE(scene.plan.handle_dial_back(at(2), node_from(2), scene.now));
    CHECK_FALSE(scene.plan.handle_dial_back(at(2), node_from(2), scene.now));
    CHECK(scene.plan.unsettled() == 0);  // nobody waits for it
    SECTION("failed") {
        scene.plan.handle_dialling(at(2), scene.now);
        scene.plan.handle_failed(at(2), "Connection refused", scene.now);
        CHECK(scene.state(at(2)) == "unknown");
    }
    SECTION("gone") {
        scene.connect(at(2), node_from(2));
        CHECK_FALSE(scene.plan.handle_dial_back(at(3), node_from(2), scene.now));  // it is there
        scene.plan.handle_down(at(2), "gone", scene.now);
        CHECK(scene.state(at(2)) == "unknown");
    }
    SECTION("capped") {
        std::size_t planned = 1;
        for (std::uint16_t port = 1; port < 1000; ++port) {
            const net::Address from = at(10 + port % 100, port);
            planned += scene.plan.handle_dial_back(from, node_from(9), scene.now) ? 1U : 0U;
        }
        CHECK(planned == DialPlan::dial_backs_max);
    }
}

TEST_CASE("who connects here while it rests is dialled at once") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    scene.plan.handle_dialling(at(2), scene.now);
    scene.plan.handle_refused(at(2), "busy", scene.now);
    scene.now += 1500ms;
    CHECK_FALSE(scene.is_due(at(2)));  // who refuses rests longer
    scene.plan.handle_dial_back(at(2), node_from(2), scene.now);
    CHECK(scene.is_due(at(2)));
}

TEST_CASE("hosts.txt edited: new ones are dialled, others forgotten, connections kept") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 3), scene.now);
    scene.connect(at(2), node_from(2));
    scene.plan.handle_hosts(hosts(4, 4), scene.now);
    CHECK(scene.state(at(2)) == "connected");
    CHECK_FALSE(scene.plan.from_hosts_file(at(2)));
    CHECK(scene.state(at(3)) == "unknown");
    CHECK(scene.is_due(at(4)));
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    CHECK(scene.plan.from_hosts_file(at(2)));
    CHECK_FALSE(scene.is_due(at(2)));
    scene.plan.handle_hosts({}, scene.now);
    scene.plan.handle_down(at(2), "gone", scene.now);
    CHECK(scene.plan.rows().empty());
}

TEST_CASE("a name goes through its addresses, then is looked up anew") {
    Scene scene;
    scene.plan.handle_hosts({host("both")}, scene.now);
    REQUIRE(scene.plan.next_lookup(scene.now) == host("both"));
    scene.plan.handle_resolved(host("both"), {at(2), at(3)});
    CHECK_FALSE(scene.plan.next_lookup(scene.now));
    REQUIRE(scene.plan.due(scene.now) == std::vector{at(2)});
    scene.plan.handle_dialling(at(2), scene.now);
    scene.plan.handle_failed(at(2), "Connection refused", scene.now);
    REQUIRE(scene.plan.due(scene.now) == std::vector{at(3)});
    CHECK(scene.plan.unsettled() == 1);
    SECTION("the second one answers") {
        scene.connect(at(3), node_from(3));
        scene.now += 1h;
        CHECK(scene.plan.unsettled() == 0);
        CHECK(scene.plan.due(scene.now).empty());
        CHECK_FALSE(scene.plan.next_lookup(scene.now));
    }
    SECTION("none answers") {
        scene.plan.handle_dialling(at(3), scene.now);
        scene.plan.handle_failed(at(3), "Connection refused", scene.now);
        CHECK(scene.plan.unsettled() == 0);
        CHECK(scene.plan.due(scene.now).empty());  // no faster than once a second
        scene.now += 1s;
        CHECK(scene.plan.due(scene.now) == std::vector{at(2)});
        CHECK_FALSE(scene.plan.next_lookup(scene.now));
        scene.now += 30s;
        REQUIRE(scene.plan.next_lookup(scene.now) == host("both"));
        scene.plan.handle_resolved(host("both"), {at(4)});
        CHECK(scene.plan.due(scene.now) == std::vector{at(4)});
    }
}

TEST_CASE("a name without an address is settled, and asked for again later") {
    Scene scene;
    scene.plan.handle_hosts({host("nowhere"), host("other")}, scene.now);
    CHECK(scene.plan.unsettled() == 2);
    scene.plan.handle_unresolved(host("nowhere"), "no such host", scene.now + 5s);
    CHECK(scene.plan.unsettled() == 1);
    CHECK(scene.plan.next_lookup(scene.now) == host("other"));
    scene.plan.handle_unresolved(host("other"), "no such host", scene.now + 50s);
    CHECK_FALSE(scene.plan.next_lookup(scene.now));
    CHECK(scene.plan.next_lookup(scene.now + 5s) == host("nowhere"));
}

TEST_CASE("a host picked from a search is dialled, and again, until it is taken back", "[peer]") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    scene.plan.handle_pick(at(9), scene.now);
    scene.plan.handle_pick(at(9), scene.now);
    REQUIRE(scene.is_due(at(9)));
    CHECK(scene.plan.unsettled() == 1);  // the one of hosts.txt
    scene.plan.handle_dialling(at(9), scene.now);
    scene.plan.handle_failed(at(9), "no answer", scene.now);
    CHECK(scene.state(at(9)) == "down");
    scene.now += DialPlan::retry_every;
    REQUIRE(scene.is_due(at(9)));
    scene.plan.handle_unpick(at(9));
    CHECK(scene.is_due(at(9)));  // somebody else fetches from it still
    scene.plan.handle_hosts(hosts(2, 3), scene.now);
    CHECK(scene.is_due(at(9)));
    scene.plan.handle_unpick(at(9));
    CHECK(scene.state(at(9)) == "unknown");
    scene.plan.handle_unpick(at(9));
}

TEST_CASE("a picked host that is connected stays so, and is forgotten when it goes", "[peer]") {
    Scene scene;
    scene.plan.handle_pick(at(9), scene.now);
    scene.connect(at(9), node_from(9));
    scene.plan.handle_unpick(at(9));
    CHECK(scene.state(at(9)) == "connected");
    CHECK_FALSE(scene.plan.from_hosts_file(at(9)));
    scene.plan.handle_down(at(9), "gone", scene.now);
    CHECK(scene.state(at(9)) == "unknown");
}

TEST_CASE("a pick of a host of hosts.txt changes nothing about it", "[peer]") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    scene.connect(at(2), node_from(2));
    scene.plan.handle_pick(at(2), scene.now);
    scene.plan.handle_unpick(at(2));
    CHECK(scene.state(at(2)) == "connected");
    CHECK(scene.plan.from_hosts_file(at(2)));
}

TEST_CASE("without a secret another address with the same id is another host", "[peer]") {
    Scene scene;
    scene.plan = DialPlan(node_from(1), false);
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    scene.connect(at(2), node_from(9));  // it says the id of the host at 9
    CHECK(scene.plan.handle_dial_back(at(9), node_from(9), scene.now));
    CHECK(scene.is_due(at(9)));
    CHECK_FALSE(scene.plan.handle_dial_back(at(2, 8081), node_from(9), scene.now));
}

TEST_CASE("dial-backs are bounded by address, too", "[peer]") {
    Scene scene;
    for (std::uint16_t port = 1; port <= 1000; ++port) {
        scene.plan.handle_dial_back(at(2, port), node_from(2), scene.now);
    }
    CHECK(scene.plan.due(scene.now).size() == DialPlan::dial_backs_per_address_max);
    CHECK(scene.plan.handle_dial_back(at(3), node_from(3), scene.now));
    for (int host = 1; host <= 1000; ++host) {
        const auto address =
            *net::Address::parse_numeric("2001:db8::" + std::to_string(host), 8080);
        scene.plan.handle_dial_back(address, node_from(4), scene.now);
    }
    CHECK(scene.plan.due(scene.now).size() == 2 * DialPlan::dial_backs_per_address_max + 1);
}

TEST_CASE("a host that took the connection and said nothing was not heard of") {
    Scene scene;
    scene.plan.handle_hosts(hosts(2, 3), scene.now);
    CHECK(scene.plan.unheard() == std::vector<std::string>{"127.0.0.2:8080", "127.0.0.3:8080"});
    scene.plan.handle_dialling(at(2), scene.now);
    scene.plan.handle_handed_over(at(2));
    scene.plan.handle_silent(at(2), "no hello came", scene.now);
    scene.plan.handle_dialling(at(3), scene.now);
    scene.plan.handle_failed(at(3), "Connection refused", scene.now);
    CHECK(scene.plan.unsettled() == 0);
    CHECK(scene.plan.unheard().size() == 2);
    scene.now += 59s;
    CHECK_FALSE(scene.plan.handle_long_unheard(scene.now));
    CHECK(scene.plan.unheard().size() == 2);  // it may be about to start
    scene.now += 1s;
    CHECK(scene.plan.handle_long_unheard(scene.now));
    CHECK(scene.plan.unheard() == std::vector<std::string>{"127.0.0.2:8080"});
    CHECK_FALSE(scene.plan.handle_long_unheard(scene.now));
    scene.plan.handle_dialling(at(2), scene.now);
    CHECK(scene.plan.unheard().size() == 1);
    scene.plan.handle_failed(at(2), "Connection refused", scene.now);
    CHECK(scene.plan.unheard().empty());
    scene.plan.handle_silent(at(2), "no hello came", scene.now);
    scene.connect(at(2), node_from(2));
    CHECK(scene.plan.unheard().empty());
}

TEST_CASE("only a host that is not reached is absent") {
    Scene scene;
    const auto slow = [&scene] {
        std::vector<bool> list;
        for (const Unasked& one : scene.plan.unasked()) {
            list.push_back(one.slow);
        }
        return list;
    };
    scene.plan.handle_hosts(hosts(2, 2), scene.now);
    CHECK(slow() == std::vector{true});
    scene.plan.handle_dialling(at(2), scene.now);
    scene.plan.handle_failed(at(2), "Connection refused", scene.now);
    CHECK(slow().empty());
    scene.plan.handle_dialling(at(2), scene.now);
    CHECK(slow().empty());
    scene.plan.handle_handed_over(at(2));
    CHECK(slow() == std::vector{true});
    scene.plan.handle_silent(at(2), "no hello came", scene.now);
    CHECK(slow() == std::vector{true});
    scene.plan.handle_dialling(at(2), scene.now);
    CHECK(scene.plan.unasked().at(0).host == "127.0.0.2:8080");
    for (const DownReason there : {DownReason::full, DownReason::closing, DownReason::not_let_in}) {
        scene.plan.handle_handed_over(at(2));
        scene.plan.handle_refused(at(2), "it says no", scene.now, there);
        CHECK(slow() == std::vector{false});
    }
    scene.connect(at(2), node_from(2));
    CHECK(slow().empty());
    scene.plan.handle_down(at(2), "connection closed", scene.now);
    CHECK(slow() == std::vector{false});
}

TEST_CASE("a host that has no word for this one is there, and unheard while that lasts") {
    struct Case {
        DownReason reason;
        bool unheard;
    };
    for (const Case& one :
         {Case{DownReason::not_let_in, true}, Case{DownReason::full, true},
          Case{DownReason::closing, true}, Case{DownReason::refused, true},
          Case{DownReason::other_version, true}, Case{DownReason::enough_others, true},
          Case{DownReason::not_shoal, false}, Case{DownReason::broken_protocol, false}}) {
        CAPTURE(down_word(one.reason));
        Scene scene;
        scene.plan.handle_hosts(hosts(2, 2), scene.now);
        scene.now += 60s;
        CHECK(scene.plan.handle_long_unheard(scene.now));
        scene.plan.handle_dialling(at(2), scene.now);
        scene.plan.handle_handed_over(at(2));
        scene.plan.handle_refused(at(2), "no", scene.now, one.reason);
        CHECK(scene.plan.unheard().size() == (one.unheard ? 1 : 0));
        scene.connect(at(2), node_from(2));
        CHECK(scene.plan.unheard().empty());
        scene.plan.handle_down(at(2), "connection closed", scene.now);
        CHECK(scene.plan.unheard().empty());  // what it told is known
        scene.plan.handle_refused(at(2), "no", scene.now, one.reason);
        CHECK(scene.plan.unheard().size() == (one.unheard ? 1 : 0));
        scene.plan.handle_failed(at(2), "Connection refused", scene.now);
        CHECK(scene.plan.unheard().empty());
        // A reload leaves the lines that it had; one that comes is unheard anew.
        scene.plan.handle_hosts(hosts(2, 3), scene.now);
        CHECK(scene.plan.unheard() == std::vector<std::string>{"127.0.0.3:8080"});
    }
}

TEST_CASE("a lost host is awaited by its line, wherever its name leads") {
    Scene scene;
    scene.plan.handle_hosts({host("b.example"), host("127.0.0.9")}, scene.now);
    scene.plan.handle_resolved(host("b.example"), {at(2), at(3)});
    CHECK(scene.plan.known_as(at(2)) == "b.example:8080");
    CHECK(scene.plan.known_as(at(3)) == "b.example:8080");
    CHECK(scene.plan.known_as(at(4)) == "127.0.0.4:8080");
    const std::set<std::string> both{"b.example:8080", "127.0.0.9:8080"};
    CHECK(scene.plan.awaited() == both);
    scene.connect(at(2), node_from(2));
    scene.plan.handle_down(at(2), "connection closed", scene.now);
    CHECK(scene.plan.awaited() == both);
    scene.plan.handle_duplicate(at(9), node_from(2));
    CHECK(scene.plan.awaited() == std::set<std::string>{"b.example:8080"});
    scene.plan.handle_hosts({}, scene.now);
    CHECK(scene.plan.awaited().empty());
}

TEST_CASE("a name that is being looked up holds up nobody for long") {
    Scene scene;
    scene.plan.handle_hosts({host("slow"), host("127.0.0.2"), host("other")}, scene.now);
    CHECK(scene.is_due(at(2)));
    const auto first = scene.plan.next_lookup(scene.now);
    REQUIRE(first);
    scene.plan.handle_lookup(*first, scene.now);
    const auto second = scene.plan.next_lookup(scene.now);
    REQUIRE(second);
    CHECK(*second != *first);
    scene.plan.handle_lookup(*second, scene.now);
    CHECK_FALSE(scene.plan.next_lookup(scene.now + 1h));
    CHECK(scene.plan.unsettled() == 3);

    CHECK_FALSE(scene.plan.handle_slow_lookups(scene.now + 2900ms));
    CHECK(scene.plan.handle_slow_lookups(scene.now + DialPlan::attempt_max));
    CHECK_FALSE(scene.plan.handle_slow_lookups(scene.now + 1h));
    CHECK(scene.plan.unsettled() == 1);  // the number, not dialled yet
    const auto rows = scene.plan.rows();
    CHECK(std::count_if(rows.begin(), rows.end(), [](const PeerRow& row) {
              return row.state == "down" && row.why == "no name server has answered yet";
          }) == 2);

    // The answer still counts when it comes.
    scene.plan.handle_resolved(*first, {at(7)});
    CHECK(scene.is_due(at(7)));
    scene.plan.handle_unresolved(*second, "no such host", scene.now + 5s);
    CHECK(scene.plan.next_lookup(scene.now + 5s) == *second);
}

}  // namespace
}  // namespace shoal::peer
