// What the tests of SmallFiles and Transfer share: servers that the test plays, a listener that
// remembers, and the mail to the keeper.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "fake_server.hpp"
#include "peer/file_listener.hpp"
#include "store_fixture.hpp"

namespace shoal::test {

struct Listener final : peer::FileListener {
    void file_opened(std::size_t, std::uint64_t, std::uint64_t) override {}
    void file_received(const std::string&, std::uint64_t) override {}
    void file_verified(std::size_t, std::uint64_t bytes, TimePoint) override { verified += bytes; }
    void file_note(std::size_t, peer::FetchNote::Kind kind, const std::string&,
                   const std::string&) override {
        notes.push_back(kind);
    }
    void file_done(std::size_t, peer::FileResult result, TimePoint) override {
        results.push_back(result);
    }
    [[nodiscard]] bool noted(peer::FetchNote::Kind kind) const {
        return std::find(notes.begin(), notes.end(), kind) != notes.end();
    }
    std::uint64_t verified{0};
    std::vector<peer::FetchNote::Kind> notes;
    std::vector<peer::FileResult> results;
};

struct Hosts {
    Hosts() {
        wiring.identity.node = protocol::samples::node_from(200);
        wiring.catalog = &store->catalog();
    }
    FakeServer& add(std::uint8_t last) {
        far.push_back(std::make_unique<FakeServer>(wiring, servers, last, now));
        far.back()->say_hello(now);
        return *far.back();
    }
    // A status answer, which tells that what came before it was not stale.
    void answer_status(FakeServer& host) {
        for (const auto& question : host.take(protocol::ClientType::status, now)) {
            host.send(protocol::samples::server(protocol::ServerType::status, question.id));
        }
        host.deliver(now);
    }
    template <typename Mail>
    std::vector<Mail> keeper_mail() {
        std::vector<Mail> found;
        for (peer::KeeperMail& mail : wiring.keeper.take()) {
            if (auto* wanted = std::get_if<Mail>(&mail)) {
                found.push_back(std::move(*wanted));
            }
        }
        return found;
    }

    TimePoint now{1h};
    StoreFixture store;
    peer::Wiring wiring;
    peer::Servers servers;
    std::vector<std::unique_ptr<FakeServer>> far;
    Listener listener;
};

}  // namespace shoal::test
