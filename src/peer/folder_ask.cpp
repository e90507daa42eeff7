#include "peer/folder_ask.hpp"

#include <algorithm>

#include "shoal/integrity/geometry.hpp"
#include "shoal/integrity/unhashed.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

namespace {

// Of one name there may be a file and a folder, and what stands between them ("a", "a-b", "a/c").
ToldRows in_order(ToldRows rows) {
    std::stable_sort(rows.begin(), rows.end(), [](const ToldRow& left, const ToldRow& right) {
        return left.name < right.name;
    });
    ToldRows once;
    once.reserve(rows.size());
    for (ToldRow& row : rows) {
        if (once.empty() || once.back().name != row.name) {
            once.push_back(std::move(row));
            continue;
        }
        once.back().folder |= row.folder;
        once.back().below_s = std::max(once.back().below_s, row.below_s);
        if (row.file) {
            once.back().file = true;
            once.back().id = row.id;
            once.back().mtime_s = row.mtime_s;
        }
    }
    return once;
}

// Such a prefix, or listing at all, is nothing that it knows.
bool is_no(const Reply& reply) {
    return !reply.lost() && (reply.status() == protocol::Status::bad_request ||
                             reply.status() == protocol::Status::unknown_type ||
                             reply.status() == protocol::Status::not_found);
}

}  // namespace

void FolderAsk::ask(ServerLink& link) {
    unfinished_.erase(link.id);
    heard_.erase(link.known_as);
    const auto [so_far, fresh] = asking_.try_emplace(
        link.id,
        SoFar{ListingWalk(prefix_, ListingWalk::Depth::children, ListingWalk::of_folder_max), {}});
    if (fresh) {
        ask_page(link, so_far->second.walk);
    }
}

void FolderAsk::ask_again(TimePoint now) {
    began_at_ = now;
    for (const SourceId source : std::exchange(unfinished_, {})) {
        if (ServerLink* link = servers_.usable(source)) {
            ask(*link);
        }
    }
}

void FolderAsk::ask_page(ServerLink& link, const ListingWalk& walk) {
    link.ask(walk.question(), this, [this](ServerLink& from, const Reply& reply, TimePoint now) {
        handle_page(from, reply, now);
    });
}

void FolderAsk::finish(ServerLink& link, Told::Extent extent) {
    const auto so_far = asking_.extract(link.id);
    told_.put(link.known_as, prefix_, in_order(std::move(so_far.mapped().rows)), extent);
    heard_.insert(link.known_as);
    if (extent == Told::Extent::partly) {
        unfinished_.insert(link.id);
    }
}

void FolderAsk::handle_page(ServerLink& link, const Reply& reply, TimePoint now) {
    const auto so_far = asking_.find(link.id);
    if (so_far == asking_.end()) {
        return;
    }
    if (!reply.is(protocol::ServerType::listing)) {
        heard_at_ = now;
    }
    if (is_no(reply)) {
        return finish(link, Told::Extent::whole);
    }
    if (!reply.is(protocol::ServerType::listing)) {
        asking_.erase(so_far);
        if (!reply.lost()) {
            unfinished_.insert(link.id);
        }
        return;
    }
    using Verdict = ListingWalk::Verdict;
    const ListingWalk::Page page = so_far->second.walk.take(reply.message->flags, reply.payload);
    heard_at_ = page.moves ? now : heard_at_;
    bool room = page.verdict != Verdict::too_much;
    for (const protocol::ListingRecord& record : page.records) {
        room = room && take(so_far->second.rows, record);
    }
    if (page.verdict == Verdict::broken) {
        link.die("it does not keep to the protocol: " + page.why);
        asking_.erase(so_far);
    } else if (!room) {
        finish(link, Told::Extent::cut);
    } else if (page.verdict != Verdict::more) {
        finish(link,
               page.verdict == Verdict::complete ? Told::Extent::whole : Told::Extent::partly);
    } else if (link.usable()) {
        ask_page(link, so_far->second.walk);
    } else {
        asking_.erase(so_far);
    }
}

// False: there is no room for it. A name that could not be saved is not shown either.
bool FolderAsk::take(ToldRows& rows, const protocol::ListingRecord& record) const {
    const std::string_view rest = record.name.substr(prefix_.size());
    const bool unseen = record.name.ends_with('/');
    if (rest.empty()) {
        return true;  // the folder itself cannot be read
    }
    const std::size_t slash = rest.find('/');
    const bool is_file = slash == rest.npos;
    const bool unhashed = integrity::is_unhashed(record.id);
    const bool whole =
        unhashed ||
        (record.id.possible() && record.held == integrity::Geometry(record.id.size).chunk_count());
    const std::string_view path = record.name.substr(0, record.name.size() - (unseen ? 1 : 0));
    if ((is_file && !whole) || !store::SafePath::parse(path)) {
        return true;
    }
    const std::string_view name = rest.substr(0, slash);
    if (!is_file && !rows.empty() && rows.back().folder && rows.back().name == name) {
        rows.back().below_s = std::max(rows.back().below_s, record.mtime);
        return true;
    }
    if (rows.size() >= limits::browse_rows_max) {
        return false;
    }
    rows.push_back({std::string(name), !is_file, is_file, is_file ? record.id : integrity::FileId{},
                    is_file ? record.mtime : 0, is_file ? 0 : record.mtime});
    return true;
}

}  // namespace shoal::peer
