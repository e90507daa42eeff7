#include "peer/folder_ask.hpp"

#include <algorithm>

#include "shoal/integrity/geometry.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

void FolderAsk::ask(ServerLink& link) {
    const auto [walk, is_new] = asking_.try_emplace(link.id, prefix_, ListingWalk::Depth::children,
                                                    ListingWalk::of_folder_max);
    if (is_new) {
        ask_page(link, walk->second);
    }
}

void FolderAsk::ask_page(ServerLink& link, const ListingWalk& walk) {
    link.ask(walk.question(), this, [this](ServerLink& from, const Reply& reply, TimePoint now) {
        handle_page(from, reply, now);
    });
}

void FolderAsk::settle(const ServerLink& link, bool told, TimePoint now) {
    answered_ += told ? 1U : 0U;
    asking_.erase(link.id);
    if (told && !first_done_at_) {
        first_done_at_ = now;
    }
}

void FolderAsk::handle_page(ServerLink& link, const Reply& reply, TimePoint now) {
    const auto asked = asking_.find(link.id);
    if (asked == asking_.end() || !reply.is(protocol::ServerType::listing)) {
        return settle(link, false, now);
    }
    using Verdict = ListingWalk::Verdict;
    const ListingWalk::Page page = asked->second.take(reply.message->flags, reply.payload);
    for (const protocol::ListingRecord& record : page.records) {
        take(record);
    }
    truncated_ |= page.verdict == Verdict::too_much;
    if (page.verdict == Verdict::broken) {
        link.die("it does not keep to the protocol: " + page.why);
        return settle(link, false, now);
    }
    if (page.verdict != Verdict::more || truncated_ || !link.usable()) {
        return settle(link, true, now);
    }
    ask_page(link, asked->second);
}

// A name that could not be saved is not shown either.
void FolderAsk::take(const protocol::ListingRecord& record) {
    const std::string_view rest = record.name.substr(prefix_.size());
    const std::size_t slash = rest.find('/');
    const bool whole = record.id.possible() && !integrity::is_unhashed(record.id) &&
                       record.held == integrity::Geometry(record.id.size).chunk_count();
    if ((slash == rest.npos && !whole) || !store::SafePath::parse(record.name)) {
        return;
    }
    const std::string name(rest.substr(0, slash));
    auto child = children_->find(name);
    if (child == children_->end()) {
        if (children_->size() >= limits::browse_rows_max) {
            truncated_ = true;
            return;
        }
        child = children_->emplace(name, RemoteChild()).first;
    }
    if (slash != rest.npos) {
        child->second.folder = true;
        return;
    }
    RemoteChild::Version& version = child->second.versions[record.id];
    ++version.complete;
    version.mtime = version.complete == 1 ? record.mtime : std::min(version.mtime, record.mtime);
}

}  // namespace shoal::peer
