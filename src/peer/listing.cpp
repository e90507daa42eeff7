#include "peer/listing.hpp"

#include "shoal/integrity/geometry.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

void Listing::ask(ServerLink& link) {
    asking_.insert(link.id);
    ask_page(link, prefix_);
}

void Listing::ask_page(ServerLink& link, const std::string& cursor) {
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::list);
    question.set_path(cursor);
    question.prefixLength = static_cast<std::uint16_t>(prefix_.size());
    link.ask(question, this, [this, cursor](ServerLink& from, const Reply& reply, TimePoint) {
        handle_page(from, cursor, reply);
    });
}

void Listing::handle_page(ServerLink& link, const std::string& cursor, const Reply& reply) {
    const bool usable = reply.is(protocol::ServerType::listing);
    const auto records = usable ? protocol::parse_listing(reply.payload)
                                : Result<std::vector<protocol::ListingRecord>>(Error{});
    // A page that goes back would be asked for without end.
    const bool sound = records && (records->empty() || records->front().name > cursor);
    if (usable && !sound) {
        link.die("it does not keep to the protocol: a page of its listing makes no sense");
    }
    if (!sound || records->empty()) {
        answered_ += sound ? 1U : 0U;
        asking_.erase(link.id);
        return;
    }
    for (const protocol::ListingRecord& record : *records) {
        // A name that could not be saved is not shown either.
        if (!record.name.starts_with(prefix_) || !store::SafePath::parse(record.name) ||
            !record.id.possible()) {
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
