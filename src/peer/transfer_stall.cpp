// The transfer when nothing comes: what is missing, who claims to hold it, and what went wrong
// there last.
#include <algorithm>

#include "peer/transfer.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr Duration stall_after = 5s;
constexpr std::size_t spans_max = 8;  // of chunks, named in a line
constexpr std::size_t hosts_max = 8;

}  // namespace

// From now on something should come.
void Transfer::begin_hearing(TimePoint now) {
    heard_at_ = now;
    stall_told_ = false;
}

// Data counts by leaves, which take long on a slow link: any byte of a host that owes some is a
// sign. With a limit that somebody set, a link is looked at only when there is room for a leaf.
std::optional<TimePoint> Transfer::stalls_at() const {
    if (phase_ != Phase::running || stall_told_ || !unwritten_.empty() || !checking_.empty()) {
        return std::nullopt;
    }
    TimePoint heard = heard_at_;
    for (const auto& [id, source] : sources_) {
        const ServerLink* link = download_->outstanding(id) > 0 ? servers_.find(id) : nullptr;
        heard = link != nullptr ? std::max(heard, link->heard_at()) : heard;
    }
    const std::uint64_t limit = wiring_.figures.max_download;
    const std::uint64_t late_s = limit > 0 ? servers_.all().size() * limits::leaf_size / limit : 0;
    return heard + stall_after + std::chrono::seconds(std::min<std::uint64_t>(late_s, 3600));
}

void Transfer::look_stalled(TimePoint now) {
    const auto stalls = stalls_at();
    if (!stalls || now < *stalls || download_->complete()) {
        return;
    }
    stall_told_ = true;
    const auto waited =
        std::chrono::duration_cast<std::chrono::seconds>(now - *stalls + stall_after);
    listener_.file_note(order_.index, FetchNote::Kind::stalled, {},
                        "nothing has come for " + std::to_string(waited.count()) +
                            " s; missing: " + missing_chunks() + claims_of_hosts());
}

// "3 of 120 chunks (7-8, 100)"
std::string Transfer::missing_chunks() const {
    const Bitmap& held = download_->held();
    std::vector<std::string> spans;
    for (std::size_t at = 0; at < held.size() && spans.size() <= spans_max; ++at) {
        if (held.test(at)) {
            continue;
        }
        const std::size_t first = at;
        while (at + 1 < held.size() && !held.test(at + 1)) {
            ++at;
        }
        const std::string last = at > first ? "-" + std::to_string(at) : "";
        spans.push_back(spans.size() < spans_max ? std::to_string(first) + last : "...");
    }
    return std::to_string(held.size() - held.count()) + " of " + std::to_string(held.size()) +
           " chunks (" + text::join(spans, ", ") + ")";
}

std::string Transfer::claims_of_hosts() const {
    std::vector<std::string> lines;
    for (const auto& [id, source] : sources_) {
        const ServerLink* link = servers_.find(id);
        const std::uint32_t claimed = download_->claims(id);
        if (link == nullptr || (claimed == 0 && source.last.empty())) {
            continue;
        }
        const std::string& why = source.last.empty() ? "silent" : source.last;
        lines.push_back(link->host +
                        (claimed > 0 ? " claims " + std::to_string(claimed) + " of them, " : ": ") +
                        why);
    }
    for (const auto& [host, why] : lost_) {
        lines.push_back(host + ": gone (" + why + ")");
    }
    if (lines.size() > hosts_max) {
        const std::size_t more = lines.size() - hosts_max;
        lines.resize(hosts_max);
        lines.push_back(std::to_string(more) + " more");
    }
    return lines.empty() ? "; no host claims them" : "; " + text::join(lines, "; ");
}

}  // namespace shoal::peer
