#include "peer/listing.hpp"

#include "peer/listing_page.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

void Listing::ask(ServerLink& link) {
    asking_.insert(link.id);
    ask_page(link, prefix_);
}

void Listing::ask_page(ServerLink& link, const std::string& cursor) {
    link.ask(list_question(prefix_, cursor), this,
             [this, cursor](ServerLink& from, const Reply& reply, TimePoint) {
                 handle_page(from, cursor, reply);
             });
}

void Listing::handle_page(ServerLink& link, const std::string& cursor, const Reply& reply) {
    const auto records = take_page(link, reply, cursor);
    if (!records || records->empty()) {
        answered_ += records ? 1U : 0U;
        asking_.erase(link.id);
        return;
    }
    for (const protocol::ListingRecord& record : *records) {
        // A name that could not be saved is not shown either.
        if (!record.name.starts_with(prefix_) || !store::SafePath::parse(record.name) ||
            !record.id.possible() || integrity::is_unhashed(record.id)) {
            continue;
        }
        auto entry = names_.find(std::string(record.name));
        if (entry == names_.end()) {
            if (names_.size() >= names_max_) {
                truncated_ = true;
                continue;
            }
            entry = names_.emplace(record.name, Versions()).first;
        }
        Holders& holders = entry->second[record.id];
        const bool complete = record.held == integrity::Geometry(record.id.size).chunk_count();
        (complete ? holders.complete : holders.partial).push_back(link.id);
    }
    const bool last = (reply.message->flags & protocol::flag_last_page) != 0;
    if (last || truncated_ || !link.usable()) {
        ++answered_;
        asking_.erase(link.id);
        return;
    }
    ask_page(link, std::string(records->back().name));
}

}  // namespace shoal::peer
