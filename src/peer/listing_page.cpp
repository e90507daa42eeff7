#include "peer/listing_page.hpp"

namespace shoal::peer {

protocol::clientMessage list_question(const std::string& prefix, const std::string& cursor) {
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::list);
    question.set_path(cursor);
    question.prefixLength = static_cast<std::uint16_t>(prefix.size());
    return question;
}

std::optional<std::vector<protocol::ListingRecord>> take_page(ServerLink& link, const Reply& reply,
                                                              const std::string& cursor) {
    if (!reply.is(protocol::ServerType::listing)) {
        return std::nullopt;
    }
    auto records = protocol::parse_listing(reply.payload);
    // A page that goes back would be asked for without end.
    if (!records || (!records->empty() && records->front().name <= cursor)) {
        link.die("it does not keep to the protocol: a page of its listing makes no sense");
        return std::nullopt;
    }
    return std::move(*records);
}

}  // namespace shoal::peer
