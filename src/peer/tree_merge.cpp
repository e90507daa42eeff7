#include "peer/tree_merge.hpp"

#include <algorithm>

#include "peer/reading.hpp"
#include "peer/versions.hpp"
#include "shoal/integrity/unhashed.hpp"

namespace shoal::peer {

namespace {

constexpr std::size_t page_rows = 1024;

struct Own {
    std::shared_ptr<const store::HeldFile> shared;
    std::optional<store::PendingFile> pending;  // in shared/
    std::shared_ptr<const store::HeldFile> fetched;
    bool folder{false};  // in shared/, with files or without
    std::int64_t folder_mtime{0};
    std::optional<std::int64_t> fetched_below;  // downloads/ has files in it: the newest time
};
using OwnChildren = std::map<std::string, Own>;

template <typename Page, typename Take>
void each_row(Page page, Take take) {
    std::string from;
    do {
        store::ChildPage rows = page(from);
        for (store::CatalogChild& row : rows.rows) {
            take(row);
        }
        from = std::move(rows.next);
    } while (!from.empty());
}

OwnChildren own_children(const Offers& offers, const std::string& prefix) {
    const store::Catalog& catalog = offers.catalog();
    OwnChildren own;
    using store::CatalogChild;
    using store::Where;
    each_row(
        [&](const std::string& from) {
            return catalog.children(Where::shared, prefix, from, page_rows);
        },
        [&](CatalogChild& row) {
            Own& child = own[row.name];
            child.folder |= row.is_folder();
            child.shared = std::move(row.file);
            child.pending = row.pending;
        });
    each_row(
        [&](const std::string& from) {
            return catalog.children(Where::downloads, prefix, from, page_rows);
        },
        [&](CatalogChild& row) {
            Own& child = own[row.name];
            if (!row.is_folder()) {
                child.fetched = offers.offered(std::move(row.file));
            } else {
                child.fetched_below = offers.newest_fetched_below(prefix + row.name + '/');
            }
        });
    for (const std::string& folder : catalog.unseen_below(prefix)) {
        if (folder.size() > prefix.size()) {
            const std::size_t slash = folder.find('/', prefix.size());
            own[folder.substr(prefix.size(), slash - prefix.size())].folder = true;
        }
    }
    each_row([&](const std::string& from) { return catalog.subfolders(prefix, from, page_rows); },
             [&](const CatalogChild& row) {
                 own[row.name].folder = true;
                 own[row.name].folder_mtime = row.mtime_s;
             });
    return own;
}

TreeEntry folder_entry(const std::string& name, const Own& own, const RemoteChild& remote) {
    TreeEntry entry;
    entry.name = name;
    entry.folder = true;
    entry.here = own.folder || own.fetched_below;
    entry.shared = own.folder;
    entry.mtime = folder_time(own.folder_mtime, own.fetched_below.value_or(0), remote.below);
    return entry;
}

TreeEntry pending_entry(const std::string& name, std::uint64_t size, std::int64_t mtime) {
    TreeEntry entry;
    entry.name = name;
    entry.size = size;
    if (mtime != 0) {
        entry.mtime = mtime;
    }
    return entry;
}

std::uint32_t others_with(const RemoteChild& child, const integrity::FileId& id) {
    const auto version = child.versions.find(id);
    return version == child.versions.end() ? 0 : version->second.complete;
}

// Copies that only came through a gateway count for nothing, and away hosts only when nobody else
// has the name.
class Merge {
  public:
    explicit Merge(const store::Catalog& catalog) : catalog_(catalog) {}

    // Nullopt: nobody has it.
    std::optional<TreeEntry> entry(const std::string& name, const Own& own,
                                   const RemoteChild& remote) const {
        if (own.shared) {
            TreeEntry entry = entry_of(*own.shared, name);
            entry.holders += others_with(remote, own.shared->id);
            return entry;
        }
        if (own.pending) {
            TreeEntry entry = pending_entry(name, own.pending->size, own.pending->mtime_s);
            entry.here = entry.shared = true;
            return entry;
        }
        if (own.folder) {
            return folder_entry(name, own, remote);
        }
        RemoteVersions versions = remote.versions;
        if (own.fetched) {
            RemoteChild::Version& mine = versions[own.fetched->id];
            const std::int64_t mtime = own.fetched->stamp.mtime_s();
            mine.mtime = mine.complete == 0 ? mtime : std::min(mine.mtime, mtime);
            ++mine.complete;
        }
        if (!versions.empty()) {
            return file_entry(name, own, versions);
        }
        if (remote.pending) {
            return pending_entry(name, remote.pending->size, remote.pending->mtime);
        }
        return own.fetched_below || remote.folder ? std::optional(folder_entry(name, own, remote))
                                                  : std::nullopt;
    }

  private:
    [[nodiscard]] TreeEntry file_entry(const std::string& name, const Own& own,
                                       const RemoteVersions& versions) const {
        const auto best = best_version(versions);
        TreeEntry entry;
        entry.name = name;
        entry.size = best->first.size;
        if (best->second.mtime != 0) {
            entry.mtime = best->second.mtime;
        }
        entry.root = best->first.root.hex();
        entry.here = catalog_.find(best->first).state == store::Holding::State::complete;
        const bool counted = own.fetched && own.fetched->id == best->first;
        entry.holders = best->second.complete + (entry.here && !counted ? 1U : 0U);
        return entry;
    }

    const store::Catalog& catalog_;
};

}  // namespace

std::optional<std::int64_t> folder_time(std::int64_t own, std::int64_t fetched, std::int64_t told) {
    const std::int64_t time = own != 0 ? own : std::max(fetched, told);
    return time != 0 ? std::optional(time) : std::nullopt;
}

RemoteVersions::const_iterator best_version(const RemoteVersions& versions) {
    std::vector<swarm::Candidate> candidates;
    for (const auto& [id, version] : versions) {
        // What cannot be asked for now counts like a copy that is nobody's own: when there is
        // nothing else.
        candidates.push_back({key_of(id), version.complete, 0, version.away, version.mtime});
    }
    const auto place = swarm::settled(candidates);
    return place ? std::next(versions.begin(), static_cast<std::ptrdiff_t>(*place))
                 : versions.end();
}

RemoteChildren merge_told(const std::vector<Told::Folder>& told) {
    RemoteChildren children;
    for (const Told::Folder& host : told) {
        static const ToldRows nothing;
        for (const ToldRow& row : host.rows != nullptr ? *host.rows : nothing) {
            RemoteChild& child = children[row.name];
            child.folder |= row.folder;
            child.below = std::max(child.below, row.below_s);
            if (!row.file) {
                continue;
            }
            if (integrity::is_unhashed(row.id)) {
                child.pending = {row.id.size, row.mtime_s};
                continue;
            }
            child.versions[row.id].add(row.mtime_s, host.away);
        }
    }
    return children;
}

FolderView merge_folder(const Offers& offers, const std::string& prefix,
                        const RemoteChildren& remote) {
    static const RemoteChild nothing;
    FolderView view;
    view.folder = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
    OwnChildren own = own_children(offers, prefix);
    for (const auto& [name, child] : remote) {
        own.try_emplace(name);
    }
    const Merge merge(offers.catalog());
    view.entries.reserve(std::min(own.size(), limits::browse_rows_max));
    for (const auto& [name, mine] : own) {
        const auto theirs = remote.find(name);
        auto entry = merge.entry(name, mine, theirs == remote.end() ? nothing : theirs->second);
        if (entry && view.entries.size() == limits::browse_rows_max) {
            view.truncated = true;
            break;
        }
        if (entry) {
            view.entries.push_back(std::move(*entry));
        }
    }
    return view;
}

}  // namespace shoal::peer
