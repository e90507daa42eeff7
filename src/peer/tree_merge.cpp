// What others have of a folder, and what this host has, as one list.
#include <algorithm>

#include "peer/reading.hpp"
#include "peer/tree.hpp"
#include "peer/versions.hpp"

namespace shoal::peer {

namespace {

constexpr std::size_t page_rows = 1024;
constexpr std::int64_t ns_per_s = 1'000'000'000;

struct Own {
    std::shared_ptr<const store::HeldFile> shared;
    std::shared_ptr<const store::HeldFile> fetched;
    bool folder{false};          // in shared/, with files or without
    bool fetched_folder{false};  // downloads/ has files below it
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

OwnChildren own_children(const store::Catalog& catalog, const std::string& prefix) {
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
        });
    each_row(
        [&](const std::string& from) {
            return catalog.children(Where::downloads, prefix, from, page_rows);
        },
        [&](CatalogChild& row) {
            Own& child = own[row.name];
            child.fetched_folder |= row.is_folder();
            child.fetched = std::move(row.file);
        });
    each_row([&](const std::string& from) { return catalog.subfolders(prefix, from, page_rows); },
             [&](const CatalogChild& row) { own[row.name].folder = true; });
    return own;
}

TreeEntry folder_entry(const std::string& name, const Own& own) {
    TreeEntry entry;
    entry.name = name;
    entry.folder = true;
    entry.here = own.folder || own.fetched_folder;
    entry.shared = own.folder;
    return entry;
}

std::uint32_t others_with(const RemoteChild& child, const integrity::FileId& id) {
    const auto version = child.versions.find(id);
    return version == child.versions.end() ? 0 : version->second.complete;
}

using Versions = std::map<integrity::FileId, RemoteChild::Version>;
Versions::const_iterator meant(const Versions& versions) {
    std::vector<swarm::Candidate> candidates;
    for (const auto& [id, version] : versions) {
        candidates.push_back({key_of(id), version.complete, 0, 0, version.mtime});
    }
    const auto place = static_cast<std::ptrdiff_t>(*swarm::settled(candidates));
    return std::next(versions.begin(), place);
}

class Merge {
  public:
    Merge(const store::Catalog& catalog, Guarded<CacheBook>& cache, const std::string& prefix)
        : catalog_(catalog), cache_(cache), prefix_(prefix) {}

    TreeEntry entry(const std::string& name, const Own& own, const RemoteChild& remote) {
        if (own.shared) {
            TreeEntry entry = entry_of(*own.shared, name);
            entry.holders += others_with(remote, own.shared->id);
            return entry;
        }
        if (own.folder) {
            return folder_entry(name, own);
        }
        Versions versions = remote.versions;
        const bool votes = own.fetched && (versions.empty() || !is_cached(name, own.fetched->id));
        if (votes) {
            RemoteChild::Version& mine = versions[own.fetched->id];
            const std::int64_t mtime = own.fetched->stamp.mtime_ns / ns_per_s;
            mine.mtime = mine.complete == 0 ? mtime : std::min(mine.mtime, mtime);
            ++mine.complete;
        }
        if (versions.empty()) {
            return folder_entry(name, own);
        }
        const auto best = meant(versions);
        TreeEntry entry;
        entry.name = name;
        entry.size = best->first.size;
        if (best->second.mtime != 0) {
            entry.mtime = best->second.mtime;
        }
        entry.root = best->first.root.hex();
        entry.here = catalog_.find(best->first).state == store::Holding::State::complete;
        const bool counted = votes && own.fetched->id == best->first;
        entry.holders = best->second.complete + (entry.here && !counted ? 1U : 0U);
        return entry;
    }

  private:
    [[nodiscard]] bool is_cached(const std::string& name, const integrity::FileId& id) {
        return cache_.with([&](const CacheBook& book) { return book.holds(prefix_ + name, id); });
    }

    const store::Catalog& catalog_;
    Guarded<CacheBook>& cache_;
    const std::string& prefix_;
};

}  // namespace

FolderView merge_folder(const store::Catalog& catalog, Guarded<CacheBook>& cache,
                        const std::string& prefix, const RemoteChildren& remote) {
    static const RemoteChild nothing;
    FolderView view;
    view.folder = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
    OwnChildren own = own_children(catalog, prefix);
    for (const auto& [name, child] : remote) {
        own.try_emplace(name);
    }
    Merge merge(catalog, cache, prefix);
    view.entries.reserve(std::min(own.size(), limits::browse_rows_max));
    for (const auto& [name, mine] : own) {
        if (view.entries.size() == limits::browse_rows_max) {
            view.truncated = true;
            break;
        }
        const auto theirs = remote.find(name);
        const RemoteChild& child = theirs == remote.end() ? nothing : theirs->second;
        // A name with neither: a file that is here but not hashed yet.
        if (mine.shared || mine.fetched || mine.folder || mine.fetched_folder || child.folder ||
            !child.versions.empty()) {
            view.entries.push_back(merge.entry(name, mine, child));
        }
    }
    return view;
}

}  // namespace shoal::peer
