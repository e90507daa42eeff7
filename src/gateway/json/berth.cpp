#include "gateway/json/berth.hpp"

#include <utility>

namespace shoal::gateway::json {

Berth::Put Berth::put(ConnectionPtr& connection, Turn turn, TimePoint now) {
    return state_.with([&](State& state) {
        if (state.closing && connection->idle()) {
            return Put::closing;
        }
        if (std::exchange(state.news, false)) {
            return Put::has_news;
        }
        state.deadline = now + connection->patience(turn);
        state.connection = std::move(connection);
        return Put::parked;
    });
}

ConnectionPtr Berth::take() {
    return state_.with([](State& state) {
        state.news = state.connection == nullptr;
        return std::move(state.connection);
    });
}

ConnectionPtr Berth::take_late(TimePoint now, std::optional<TimePoint>& next) {
    return state_.with([&](State& state) -> ConnectionPtr {
        if (!state.connection) {
            return nullptr;
        }
        if (state.deadline > now) {
            next = state.deadline;
            return nullptr;
        }
        return std::move(state.connection);
    });
}

void Berth::begin_closing() { state_.lock()->closing = true; }

}  // namespace shoal::gateway::json
