// UploadQueue: which of the waiting requests for data a server answers next. Pure.
//
//  1. At most `served_max` clients are served at a time, one run each; the others wait here,
//     where they can still be cancelled, and not in a kernel's buffer. A client that takes its
//     run slower than `patience` counts no longer: it holds up nobody.
//  2. Next is the client that was sent the least lately, then who waits longest. So a crowd
//     advances evenly, and nobody is the last who everybody waits for. It goes by what was sent
//     from here, not by what a client says of itself.
//  3. A request that has waited for `starved_after` goes first, oldest first.
//  4. A client's own requests go in order. A client whose socket is full is not writable: it
//     keeps its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "shoal/base/ids.hpp"
#include "shoal/base/time.hpp"
#include "shoal/swarm/client_key.hpp"

namespace shoal::swarm {

class UploadQueue {
  public:
    struct Config {
        std::size_t served_max{8};
        Duration patience{std::chrono::milliseconds(50)};
        Duration starved_after{std::chrono::seconds(2)};
    };
    struct Item {
        ClientKey client;
        RequestId request;
        LeafRun run;
        bool substitute{false};  // another run will do as well
    };

    UploadQueue() : UploadQueue(Config{}) {}
    explicit UploadQueue(Config config) : config_(config) {}

    // False when the client already has `per_client_max` requests waiting.
    bool push(const Item& item, std::size_t per_client_max, TimePoint now);
    // Removes a waiting request; false when it is not (or no longer) there.
    bool cancel(ClientKey client, RequestId request);
    // Removes and returns everything the client had waiting, and all that is known of it.
    std::vector<Item> forget(ClientKey client);
    // A client can (or cannot) begin another run; it can at first. What it was served last has
    // gone out when it can.
    void set_writable(ClientKey client, bool writable);
    // The next request to begin; its client is served, and not writable, from then on.
    std::optional<Item> next(TimePoint now);
    // Clients that are being served.
    [[nodiscard]] std::size_t served(TimePoint now) const;
    // When next() may have something that it has not now, though nothing happens until then.
    [[nodiscard]] std::optional<TimePoint> next_timeout(TimePoint now) const;
    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    [[nodiscard]] std::size_t waiting(ClientKey client) const;
    // A run of that client's own that still waits touches these leaves.
    [[nodiscard]] bool waits_for(ClientKey client, LeafRun run) const;

  private:
    struct Waiting {
        Item item;
        TimePoint since;
    };
    struct Lane {
        std::deque<Waiting> items;
        bool writable{true};
        std::uint64_t sent_leaves{0};
        std::optional<TimePoint> served_since;
    };
    [[nodiscard]] bool before(const Lane& a, const Lane& b, TimePoint now) const;

    Config config_;
    std::map<ClientKey, Lane> lanes_;  // of clients that are known
    std::size_t waiting_{0};
};

}  // namespace shoal::swarm
