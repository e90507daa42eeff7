#include "peer/folder_ask.hpp"

#include <algorithm>

#include "peer/listing_page.hpp"
#include "shoal/integrity/geometry.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

namespace {

// Where the next page begins: behind `last`, or behind all that is below its folder. No name
// has a byte of 0xff, so that is greater than all of them.
std::string cursor_behind(std::string_view last, std::size_t prefix_size) {
    const std::size_t slash = last.find('/', prefix_size);
    return slash == last.npos ? std::string(last) : std::string(last.substr(0, slash + 1)) + '\xff';
}

}  // namespace

void FolderAsk::ask(ServerLink& link) {
    asking_.insert(link.id);
    ask_page(link, prefix_);
}

void FolderAsk::ask_page(ServerLink& link, const std::string& cursor) {
    link.ask(list_question(prefix_, cursor), this,
             [this, cursor](ServerLink& from, const Reply& reply, TimePoint now) {
                 handle_page(from, cursor, reply, now);
             });
}

void FolderAsk::settle(const ServerLink& link, bool told, TimePoint now) {
    answered_ += told ? 1U : 0U;
    asking_.erase(link.id);
    if (told && !first_done_at_) {
        first_done_at_ = now;
    }
}

void FolderAsk::handle_page(ServerLink& link, const std::string& cursor, const Reply& reply,
                            TimePoint now) {
    const auto records = take_page(link, reply, cursor);
    if (!records || records->empty()) {
        return settle(link, records.has_value(), now);
    }
    for (const protocol::ListingRecord& record : *records) {
        if (record.name.starts_with(prefix_)) {
            take(record);
        }
    }
    const std::string next = cursor_behind(records->back().name, prefix_.size());
    const bool last = (reply.message->flags & protocol::flag_last_page) != 0;
    if (last || truncated_ || !link.usable() || next.size() > limits::path_max) {
        return settle(link, true, now);
    }
    ask_page(link, next);
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
