#include "gateway/ftp/login_gate.hpp"

#include <algorithm>

namespace shoal::gateway::ftp {
namespace {

constexpr Duration first_delay = 250ms;
constexpr unsigned doublings_max = 5;
constexpr Duration memory = 10min;

}  // namespace

TimePoint LoginGate::opens_at(const std::string& address, TimePoint now) const {
    const auto entry = entries_.find(address);
    return entry == entries_.end() ? now : std::max(now, entry->second.opens);
}

void LoginGate::handle_success(const std::string& address) { entries_.erase(address); }

TimePoint LoginGate::handle_failure(const std::string& address, TimePoint now) {
    make_room(now);
    Entry& entry = entries_[address];
    if (now - entry.opens > memory) {
        entry.failures = 0;
    }
    entry.opens = now + first_delay * (1U << std::min(entry.failures, doublings_max));
    ++entry.failures;
    return entry.opens;
}

// Forgets who has been quiet for long; if all are busy guessing, whoever may go on soonest.
void LoginGate::make_room(TimePoint now) {
    if (entries_.size() < addresses_max) {
        return;
    }
    std::erase_if(entries_, [&](const auto& entry) { return now - entry.second.opens > memory; });
    if (entries_.size() >= addresses_max) {
        entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                        [](const auto& left, const auto& right) {
                                            return left.second.opens < right.second.opens;
                                        }));
    }
}

}  // namespace shoal::gateway::ftp
