// UploadQueue: in which order a server answers the requests for data that wait. Pure.
//
// Clients take turns (round robin by client), a client's own requests go in order. A client
// that still receives an answer, or whose socket is full, is not writable: it keeps its place
// and holds up nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "shoal/base/ids.hpp"

namespace shoal::swarm {

using ClientKey = StrongId<struct ClientKeyTag, std::uint64_t>;

class UploadQueue {
  public:
    struct Item {
        ClientKey client;
        RequestId request;
        LeafRun run;
        std::uint64_t tag{};  // the caller's: which file
    };

    // False when the client already has `per_client_max` requests waiting.
    bool push(const Item& item, std::size_t per_client_max);
    // Removes a waiting request; false when it is not (or no longer) there.
    bool cancel(ClientKey client, RequestId request);
    // Removes and returns everything the client had waiting.
    std::vector<Item> forget(ClientKey client);
    // A client can (or cannot) begin another answer; it can at first.
    void set_writable(ClientKey client, bool writable);
    // The next request to begin, of the writable client whose turn it is.
    std::optional<Item> next();
    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    [[nodiscard]] std::size_t waiting(ClientKey client) const;

  private:
    struct Lane {
        std::deque<Item> items;
        bool writable{true};
    };
    std::map<ClientKey, Lane> lanes_;
    std::deque<ClientKey> turns_;  // clients with items, in order of their turn
    std::size_t waiting_{0};
};

}  // namespace shoal::swarm
