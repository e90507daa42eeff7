#include "gateway/ftp/login_gate.hpp"

#include <algorithm>
#include <tuple>

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

int LoginGate::rank(const std::string& address, TimePoint now) const {
    const auto entry = entries_.find(address);
    if (entry == entries_.end()) {
        return 0;
    }
    if (entry->second.failures == 0 && entry->second.known) {
        return -1;
    }
    return now - entry->second.opens > memory ? 0 : static_cast<int>(entry->second.failures);
}

void LoginGate::handle_success(const std::string& address, TimePoint now) {
    make_room(now);
    entries_[address] = {0, true, now};
}

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
                                            return std::tie(left.second.known, left.second.opens) <
                                                   std::tie(right.second.known, right.second.opens);
                                        }));
    }
}

}  // namespace shoal::gateway::ftp
