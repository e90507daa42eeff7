// EventRouter: the gateway's one sink of the peer's events. It lives as long as the gateway, so
// that jobs may go whenever they like; each event goes to the box of the job that gave the order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/json/job.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::gateway::json {

// Any thread.
class EventBox {
  public:
    explicit EventBox(Waker waker) : waker_(std::move(waker)) {}
    // Of progress that nobody has looked at, only the last is kept.
    void put(const peer::Event& event);
    // The oldest; nullopt when there is none: then the waker will be called.
    std::optional<peer::Event> take();

  private:
    struct State {
        std::deque<peer::Event> events;
        bool awaited{false};
    };
    Waker waker_;
    Guarded<State> state_;
};
using EventBoxPtr = std::shared_ptr<EventBox>;

class EventRouter final : public peer::EventSink {
  public:
    void deliver(const peer::Event& event) override;

    // `give` gives the order, with this sink, and returns its number: under the lock, so that no
    // event comes before its box is known.
    template <typename Give>
    std::uint64_t follow(bool fetch, EventBoxPtr box, Give give) {
        return boxes_.with([&](Boxes& boxes) {
            const std::uint64_t order = give(*this);
            boxes[{fetch, order}] = std::move(box);
            return order;
        });
    }
    void drop(bool fetch, std::uint64_t order);

    // Fetches that nobody watches, of all clients together.
    static constexpr std::size_t unwatched_max = 64;
    // Gives the order of one more; nullopt when so many of them have not ended yet.
    template <typename Give>
    std::optional<std::uint64_t> leave(Give give) {
        return boxes_.with([&](Boxes& boxes) -> std::optional<std::uint64_t> {
            const auto unwatched = std::count_if(boxes.begin(), boxes.end(),
                                                 [](const auto& entry) { return !entry.second; });
            if (static_cast<std::size_t>(unwatched) >= unwatched_max) {
                return std::nullopt;
            }
            const std::uint64_t order = give(*this);
            boxes[{true, order}] = nullptr;
            return order;
        });
    }

  private:
    using Boxes = std::map<std::pair<bool, std::uint64_t>, EventBoxPtr>;  // null: unwatched
    Guarded<Boxes> boxes_;
};

}  // namespace shoal::gateway::json
