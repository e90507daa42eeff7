#include "gateway/json/events.hpp"

#include <algorithm>
#include <variant>

namespace shoal::gateway::json {
namespace {

constexpr std::size_t events_max = 256;  // of a client that does not read them

using Key = std::pair<bool, std::uint64_t>;

std::optional<Key> key_of(const peer::Event& event) {
    return std::visit(
        [](const auto& one) -> std::optional<Key> {
            if constexpr (requires { one.fetch.value; }) {
                return Key{true, one.fetch.value};
            } else if constexpr (requires { one.order; }) {
                return Key{false, one.order};
            } else {
                return std::nullopt;
            }
        },
        event);
}

bool is_progress(const peer::Event& event) {
    return std::holds_alternative<peer::FetchProgress>(event);
}

}  // namespace

void EventBox::put(const peer::Event& event) {
    const bool awaited = state_.with([&](State& state) {
        auto& events = state.events;
        if (is_progress(event)) {
            std::erase_if(events, is_progress);
        } else if (events.size() >= events_max) {
            events.pop_front();  // the last one counts
        }
        events.push_back(event);
        return std::exchange(state.awaited, false);
    });
    if (awaited) {
        waker_();
    }
}

std::optional<peer::Event> EventBox::take() {
    return state_.with([](State& state) -> std::optional<peer::Event> {
        state.awaited = state.events.empty();
        if (state.events.empty()) {
            return std::nullopt;
        }
        peer::Event event = std::move(state.events.front());
        state.events.pop_front();
        return event;
    });
}

void EventRouter::deliver(const peer::Event& event) {
    const auto key = key_of(event);
    if (!key) {
        return;
    }
    const EventBoxPtr box = boxes_.with([&](Boxes& boxes) {
        const auto found = boxes.find(*key);
        if (found == boxes.end()) {
            return EventBoxPtr();
        }
        const EventBoxPtr watcher = found->second;
        if (!watcher && std::holds_alternative<peer::FetchDone>(event)) {
            boxes.erase(found);
        }
        return watcher;
    });
    if (box) {
        box->put(event);
    }
}

void EventRouter::drop(bool fetch, std::uint64_t order) {
    boxes_.with([&](Boxes& boxes) { boxes.erase({fetch, order}); });
}

}  // namespace shoal::gateway::json
