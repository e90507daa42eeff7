#include "peer/gateway_desk.hpp"

#include <algorithm>

namespace shoal::peer {

void GatewayDesk::take(GatewayMail mail, TimePoint now) {
    std::visit(Overloaded{
                   [&](BrowseFolder& order) { tree_.browse(std::move(order), now); },
                   [&](LookUp& order) { look_up(std::move(order), now); },
                   [&](OpenStream& order) { streams_.open(std::move(order), now); },
                   [](ReaderLeft&) {},  // drive() looks
               },
               mail);
}

void GatewayDesk::look_up(LookUp order, TimePoint now) {
    const store::SafePath name = order.name;
    lookups_.find(
        {name, {}, order.hashed},
        [order = std::move(order)](const Result<Meaning>& found) {
            if (!found) {
                return order.callback(found.error());
            }
            TreeEntry entry;
            entry.name = last_part(order.name.text());
            entry.folder = found->folder;
            entry.size = found->id.size;
            entry.mtime = found->mtime;
            entry.root = found->folder || !found->hashed ? std::string() : found->id.root.hex();
            entry.holders = static_cast<std::uint32_t>(found->holders.size()) +
                            (found->here && !found->folder ? 1U : 0U);
            entry.away = found->away;
            entry.here = found->here;
            entry.shared = found->shared;
            order.callback(std::move(entry));
        },
        now);
}

void GatewayDesk::handle_link(ServerLink& link, TimePoint now) {
    told_.handle_up(link.known_as);
    tree_.handle_link(link);
    lookups_.handle_link(link, now);
}

void GatewayDesk::handle_link_lost(ServerLink& link, TimePoint now) {
    if (link.was_up()) {
        const bool listed = engine_.awaited.contains(link.known_as);
        told_.handle_lost(link.known_as, listed, link.has_ended(), now);
    }
    lookups_.handle_link_lost(link);
}

void GatewayDesk::handle_hosts() { told_.handle_hosts(engine_.awaited); }

void GatewayDesk::handle_name_settled(const std::string& name, TimePoint now) {
    tree_.handle_name_settled(name);
    lookups_.handle_name_settled(name);
    streams_.handle_name_settled(name, now);
}

void GatewayDesk::drive(TimePoint now) {
    tree_.drive(now);
    lookups_.drive(now);
    streams_.drive(now);
}

std::optional<TimePoint> GatewayDesk::next_timeout() const {
    std::optional<TimePoint> next;
    for (const auto due :
         {tree_.next_timeout(), lookups_.next_timeout(), streams_.next_timeout()}) {
        sooner(next, due);
    }
    return next;
}

void GatewayDesk::stop() {
    const Error ending{ErrorKind::closed, "this peer is ending"};
    tree_.give_up(ending);
    lookups_.give_up(ending);
    streams_.give_up(ending);
}

}  // namespace shoal::peer
