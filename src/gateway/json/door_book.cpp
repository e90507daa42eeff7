#include "gateway/json/door_book.hpp"

#include <algorithm>

namespace shoal::gateway::json {
namespace {
constexpr Duration first_delay = std::chrono::milliseconds(250);
constexpr unsigned doublings_max = 5;
constexpr Duration memory = std::chrono::minutes(1);
constexpr std::size_t failures_max = 4096;
}  // namespace

DoorBook::Entry DoorBook::admit(const std::string& address) {
    const auto known = per_address_.find(address);
    const std::uint32_t from_there = known == per_address_.end() ? 0 : known->second;
    if (from_there >= per_address_max_) {
        return Entry::too_many_from_there;
    }
    if (clients_ >= clients_max_) {
        return Entry::full;
    }
    ++clients_;
    per_address_[address] = from_there + 1;
    return Entry::admitted;
}

void DoorBook::leave(const std::string& address) {
    --clients_;
    const auto known = per_address_.find(address);
    if (--known->second == 0) {
        per_address_.erase(known);
    }
}

Duration DoorBook::failed(const std::string& address, TimePoint now) {
    std::erase_if(failures_, [&](const auto& one) { return one.second.last + memory < now; });
    if (failures_.size() >= failures_max) {
        failures_.erase(failures_.begin());
    }
    Failures& failures = failures_[address];
    failures.last = now;
    const unsigned doublings = std::min(failures.count++, doublings_max);
    return first_delay * (1U << doublings);
}

}  // namespace shoal::gateway::json
