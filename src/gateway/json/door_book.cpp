#include "gateway/json/door_book.hpp"

#include <algorithm>

namespace shoal::gateway::json {
namespace {
constexpr Duration first_delay = std::chrono::milliseconds(250);
constexpr unsigned doublings_max = 5;
constexpr Duration memory = std::chrono::minutes(1);
constexpr std::size_t failures_max = 4096;
}  // namespace

Duration DoorBook::failed(const std::string& block, TimePoint now) {
    std::erase_if(failures_, [&](const auto& one) { return one.second.last + memory < now; });
    if (failures_.size() >= failures_max) {
        failures_.erase(failures_.begin());
    }
    Failures& failures = failures_[block];
    failures.last = now;
    const unsigned doublings = std::min(failures.count++, doublings_max);
    return first_delay * (1U << doublings);
}

}  // namespace shoal::gateway::json
