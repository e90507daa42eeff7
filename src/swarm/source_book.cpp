#include "swarm/source_book.hpp"

#include <algorithm>
#include <utility>

namespace shoal::swarm {

namespace {

constexpr std::size_t late_max = 256;

Request* find_in(std::vector<Request>& requests, AskId ask) {
    const auto at = std::find_if(requests.begin(), requests.end(),
                                 [ask](const Request& request) { return request.id == ask; });
    return at == requests.end() ? nullptr : &*at;
}

}  // namespace

Request* Source::find(AskId ask) { return find_in(live, ask); }

Request* Source::find_late(AskId ask) { return find_in(late, ask); }

void Source::keep_late(const Request& request) {
    if (late.size() == late_max) {
        late.erase(late.begin());
    }
    late.push_back(request);
}

Source& SourceBook::add(SourceId id) {
    place_[id] = all_.size();
    return all_.emplace_back(id, leaf_bytes_);
}

void SourceBook::remove(SourceId id) {
    const std::size_t at = place_.at(id);
    set_holds_all(all_[at], false);
    if (at + 1 != all_.size()) {
        all_[at] = std::move(all_.back());
        place_[all_[at].id] = at;
    }
    all_.pop_back();
    place_.erase(id);
}

Source* SourceBook::find(SourceId id) {
    const auto at = place_.find(id);
    return at == place_.end() ? nullptr : &all_[at->second];
}

const Source* SourceBook::find(SourceId id) const {
    const auto at = place_.find(id);
    return at == place_.end() ? nullptr : &all_[at->second];
}

void SourceBook::set_holds_all(Source& source, bool all) {
    if (source.holds_all != all) {
        source.holds_all = all;
        complete_ = all ? complete_ + 1 : complete_ - 1;
    }
}

std::uint64_t SourceBook::owed() const {
    std::uint64_t owed = 0;
    for (const Source& source : all_) {
        owed += source.owed;
    }
    return owed;
}

}  // namespace shoal::swarm
