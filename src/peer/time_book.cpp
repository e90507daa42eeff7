#include "peer/time_book.hpp"

#include <algorithm>

namespace shoal::peer {

void TimeBook::handle_asked(SourceId source, const std::string& host, TimePoint now) {
    Source& entry = sources_[source];
    if (entry.open++ == 0) {
        entry.sum.host = host;
        entry.owes_since = now;
        entry.heard_at = now;
    }
}

void TimeBook::handle_received(SourceId source, std::uint64_t bytes, TimePoint now) {
    const auto found = sources_.find(source);
    if (found != sources_.end()) {
        Source& entry = found->second;
        entry.sum.bytes += bytes;
        entry.sum.longest_wait = std::max(entry.sum.longest_wait, now - entry.heard_at);
        entry.heard_at = now;
    }
}

void TimeBook::handle_answered(SourceId source, TimePoint now) {
    const auto found = sources_.find(source);
    if (found != sources_.end() && found->second.open > 0 && --found->second.open == 0) {
        found->second.sum.busy += now - found->second.owes_since;
    }
}

void TimeBook::add_to(FetchTimes& sum, TimePoint now) const {
    sum.writing += writing_;
    sum.hashing += hashing_;
    for (const auto& [id, entry] : sources_) {
        HostTime mine = entry.sum;
        if (entry.open > 0) {
            mine.busy += now - entry.owes_since;
            mine.longest_wait = std::max(mine.longest_wait, now - entry.heard_at);
        }
        const auto known =
            std::find_if(sum.hosts.begin(), sum.hosts.end(),
                         [&mine](const HostTime& host) { return host.host == mine.host; });
        if (known == sum.hosts.end()) {
            sum.hosts.push_back(mine);
            continue;
        }
        known->bytes += mine.bytes;
        known->busy += mine.busy;
        known->longest_wait = std::max(known->longest_wait, mine.longest_wait);
    }
}

}  // namespace shoal::peer
