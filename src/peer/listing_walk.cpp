#include "peer/listing_walk.hpp"

namespace shoal::peer {

namespace {
// Of a page that is not the last. Who sends a few names at a time, for ever, is as good as silent.
constexpr std::size_t full_records = 64;
constexpr std::size_t full_bytes = 8 * limits::KiB;
}  // namespace

ListingWalk::ListingWalk(std::string prefix, Depth depth, std::size_t cost_max)
    : prefix_(std::move(prefix)), depth_(depth), cost_left_(cost_max), cursor_(prefix_) {}

protocol::clientMessage ListingWalk::question() const {
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::list);
    question.set_path(cursor_);
    question.prefixLength = static_cast<std::uint16_t>(prefix_.size());
    return question;
}

// Behind `last`, or behind all that is below its folder: no name has a byte of 0xff, so that is
// greater than all of them. It is not longer than `last`, which has a name behind the folder.
std::string ListingWalk::behind(std::string_view last) const {
    const std::size_t slash =
        depth_ == Depth::children ? last.find('/', prefix_.size()) : last.npos;
    if (slash != last.npos) {
        return std::string(last.substr(0, slash + 1)) + '\xff';
    }
    // The prefix and no more asks for the first page.
    return last == prefix_ ? prefix_ + '\0' : std::string(last);
}

ListingWalk::Page ListingWalk::take(std::uint16_t flags, std::span<const std::uint8_t> payload) {
    auto records = protocol::parse_listing(payload);
    if (!records) {
        return {Verdict::broken, {}, true, records.error().message};
    }
    const bool last = (flags & protocol::flag_last_page) != 0;
    if (records->empty() && !last) {
        return {Verdict::broken, {}, true, "a page of its listing is empty and not the last"};
    }
    const bool first = cursor_.size() == prefix_.size();
    if (!records->empty() && !first && records->front().name <= cursor_) {
        return {Verdict::broken, {}, true, "a page of its listing goes back"};
    }
    for (const protocol::ListingRecord& record : *records) {
        if (!record.name.starts_with(prefix_)) {
            return {Verdict::broken, {}, true, "its listing has names that were not asked for"};
        }
        if (record.name.ends_with('/') && record.name.size() >= limits::path_max) {
            return {Verdict::broken, {}, true, "its listing has a folder that no name fits in"};
        }
    }
    Page page{Verdict::more, {}, true, {}};
    page.moves = last || records->size() >= full_records || payload.size() >= full_bytes;
    for (const protocol::ListingRecord& record : *records) {
        const std::size_t cost = cost_of(record.name);
        if (cost > cost_left_) {
            page.verdict = Verdict::too_much;
            return page;
        }
        cost_left_ -= cost;
        if (depth_ == Depth::whole && record.name.ends_with('/')) {
            unseen_ = true;
            continue;
        }
        page.records.push_back(record);
    }
    if (last) {
        const bool all = (flags & protocol::flag_incomplete) == 0 && !unseen_;
        page.verdict = all ? Verdict::complete : Verdict::incomplete;
    } else {
        cursor_ = behind(records->back().name);
    }
    return page;
}

}  // namespace shoal::peer
