#include "peer/told.hpp"

#include <algorithm>
#include <utility>

namespace shoal::peer {

namespace {

// After a loss: what the host may have that never told anything of the folder or what is above.
constexpr Duration doubt_max = std::chrono::seconds(60);
// What a host that is not in hosts.txt told, when it was lost without a word.
constexpr Duration stranger_max = std::chrono::minutes(10);

std::size_t cost_of(const ToldRows& rows) {
    std::size_t bytes = 0;
    for (const ToldRow& row : rows) {
        bytes += sizeof(ToldRow) + row.name.capacity();
    }
    return bytes;
}

bool by_name(const ToldRow& left, const ToldRow& right) { return left.name < right.name; }

// "a/b/" is below "a/", that below "".
std::string_view above(std::string_view prefix) {
    prefix.remove_suffix(1);
    const std::size_t slash = prefix.rfind('/');
    return prefix.substr(0, slash == prefix.npos ? 0 : slash + 1);
}

}  // namespace

void Told::handle_up(const std::string& host) { hosts_[host].away = false; }

void Told::handle_lost(const std::string& host, bool listed, bool ended, TimePoint now) {
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) {
        return;
    }
    found->second.away = true;
    found->second.listed = listed;
    found->second.lost_at = now;
    if (!listed && ended) {
        forget(found);
    }
}

void Told::handle_hosts(const std::set<std::string>& lines) {
    for (auto host = hosts_.begin(); host != hosts_.end();) {
        const bool left = host->second.away && host->second.listed && !lines.contains(host->first);
        host = left ? forget(host) : std::next(host);
    }
}

void Told::forget_old(TimePoint now) {
    for (auto host = hosts_.begin(); host != hosts_.end();) {
        const Host& it = host->second;
        const bool old = it.away && !it.listed && now - it.lost_at >= stranger_max;
        host = old ? forget(host) : std::next(host);
    }
}

Told::Hosts::iterator Told::forget(Hosts::iterator host) {
    bytes_ -= host->second.bytes;
    return hosts_.erase(host);
}

void Told::drop(Host& host, std::map<std::string, Listing, std::less<>>::iterator folder) {
    bytes_ -= folder->second.bytes;
    host.bytes -= folder->second.bytes;
    host.folders.erase(folder);
}

void Told::enter(Host& host, const std::string& prefix, ToldRows rows, Extent extent) {
    const auto old = host.folders.find(prefix);
    if (old != host.folders.end()) {
        if (extent == Extent::partly) {
            ToldRows both;
            std::set_union(rows.begin(), rows.end(), old->second.rows.begin(),
                           old->second.rows.end(), std::back_inserter(both), by_name);
            rows = std::move(both);
        }
        drop(host, old);
    }
    const std::size_t bytes = sizeof(Listing) + prefix.size() + cost_of(rows);
    host.folders.emplace(prefix, Listing{std::move(rows), extent, bytes, ++count_});
    host.bytes += bytes;
    bytes_ += bytes;
}

// What stands in a folder shows that there is one, with those above it, though nobody has asked
// for them: of such a folder that row is known, and no more.
void Told::put_above(Host& host, std::string_view prefix) {
    for (std::string_view below = prefix; !below.empty(); below = above(below)) {
        const std::string_view parent = above(below);
        const std::string name(below.substr(parent.size(), below.size() - parent.size() - 1));
        const auto told = host.folders.find(parent);
        if (told != host.folders.end() &&
            (told->second.extent == Extent::whole || find(told->second.rows, name) != nullptr)) {
            return;
        }
        enter(host, std::string(parent), {{name, true, false, {}, 0}}, Extent::partly);
    }
}

void Told::put(const std::string& name, const std::string& prefix, ToldRows rows, Extent extent) {
    Host& host = hosts_[name];
    const bool any = !rows.empty();
    enter(host, prefix, std::move(rows), extent);
    if (any) {
        put_above(host, prefix);
    }
    make_room();
}

// Whoever told the most gives way, with what it told the longest ago; so one host that tells
// without end takes nobody else's room.
void Told::make_room() {
    while (bytes_ > bytes_max_) {
        const auto most =
            std::max_element(hosts_.begin(), hosts_.end(), [](const auto& left, const auto& right) {
                return left.second.bytes < right.second.bytes;
            });
        Host& host = most->second;
        const auto oldest = std::min_element(host.folders.begin(), host.folders.end(),
                                             [](const auto& left, const auto& right) {
                                                 return left.second.told_at < right.second.told_at;
                                             });
        host.forgot = true;
        drop(host, oldest);
    }
}

const ToldRow* Told::find(const ToldRows& rows, std::string_view name) {
    const auto at = std::lower_bound(
        rows.begin(), rows.end(), name,
        [](const ToldRow& row, std::string_view wanted) { return row.name < wanted; });
    return at != rows.end() && at->name == name ? &*at : nullptr;
}

// A folder that it never told: the nearest folder above that it did tell says whether there is
// one. Else a host that is here can say so; one that is lost had its time.
bool Told::knows(const Host& host, std::string_view prefix, TimePoint now) {
    for (std::string_view below = prefix; !below.empty(); below = above(below)) {
        const std::string_view parent = above(below);
        const auto told = host.folders.find(parent);
        if (told == host.folders.end()) {
            continue;
        }
        const std::string_view part = below.substr(parent.size(), below.size() - parent.size() - 1);
        const ToldRow* row = find(told->second.rows, part);
        return told->second.extent == Extent::whole && (row == nullptr || !row->folder);
    }
    return host.away && !(host.forgot && host.listed) && now - host.lost_at >= doubt_max;
}

std::vector<Told::Folder> Told::folder(const std::string& prefix, TimePoint now) const {
    std::vector<Folder> all;
    for (const auto& [name, host] : hosts_) {
        const auto told = host.folders.find(prefix);
        if (told != host.folders.end()) {
            const Extent extent = told->second.extent;
            all.push_back({&name, host.away, extent != Extent::partly, extent == Extent::cut,
                           &told->second.rows});
        } else {
            all.push_back({&name, host.away, knows(host, prefix, now), false, nullptr});
        }
    }
    return all;
}

std::vector<Told::Name> Told::name(std::string_view path, TimePoint now) const {
    const std::size_t slash = path.rfind('/');
    const std::size_t length = slash == path.npos ? 0 : slash + 1;
    std::vector<Name> all;
    for (const Folder& word : folder(std::string(path.substr(0, length)), now)) {
        const ToldRow* row = word.rows ? find(*word.rows, path.substr(length)) : nullptr;
        all.push_back({word.host, word.away, (word.known && !word.cut) || row != nullptr, row});
    }
    return all;
}

}  // namespace shoal::peer
