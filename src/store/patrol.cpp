#include "patrol.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::store {
namespace {

constexpr int cost_share = 20;
constexpr std::size_t names_shown = 5;

}  // namespace

bool Patrol::covers(Where where, std::string_view path) const {
    return std::any_of(beats_.begin(), beats_.end(), [&](const auto& beat) {
        return beat.first.where == where && path.starts_with(beat.first.prefix);
    });
}

void Patrol::add(const Place& place, Duration every_min, TimePoint now) {
    if (covers(place.where, place.prefix)) {
        return;
    }
    remove_below(place);
    beats_[place] = {every_min, now + every_min};
    ++changes_;
}

void Patrol::remove_below(const Place& place) {
    changes_ += std::erase_if(beats_, [&](const auto& beat) {
        return beat.first.where == place.where && beat.first.prefix.starts_with(place.prefix);
    });
}

std::optional<Place> Patrol::due(TimePoint now) {
    const auto first =
        std::min_element(beats_.begin(), beats_.end(), [](const auto& left, const auto& right) {
            return left.second.next.value_or(TimePoint::max()) <
                   right.second.next.value_or(TimePoint::max());
        });
    if (first == beats_.end() || !first->second.next || *first->second.next > now) {
        return std::nullopt;
    }
    first->second.next.reset();
    return first->first;
}

void Patrol::handle_walked(const Place& place, Duration cost, TimePoint now) {
    if (const auto found = beats_.find(place); found != beats_.end()) {
        const Duration rest = std::max(std::min(cost * cost_share, every_max), cost);
        found->second.next = now + std::max(found->second.every_min, rest);
    }
}

std::optional<TimePoint> Patrol::next_timeout() const {
    std::optional<TimePoint> next;
    for (const auto& [place, beat] : beats_) {
        if (beat.next && (!next || *beat.next < *next)) {
            next = beat.next;
        }
    }
    return next;
}

std::string Patrol::summary(std::string_view shared, std::string_view downloads) const {
    std::string names;
    std::size_t shown = 0;
    for (const auto& [place, beat] : beats_) {
        if (++shown > names_shown) {
            names += ", ...";
            break;
        }
        const std::string_view root = place.where == Where::shared ? shared : downloads;
        names += (names.empty() ? "'" : ", '") +
                 text::escape(place.prefix.empty() ? root : std::string_view(place.prefix)) + "'";
    }
    return beats_.empty() ? std::string() : std::to_string(beats_.size()) + ": " + names;
}

}  // namespace shoal::store
