// The catalog's names as a tree of folders.
#include <utility>

#include "shoal/store/catalog.hpp"

namespace shoal::store {
namespace {

// Names in order; those below a subfolder follow each other and are passed over in one step.
template <typename Names, typename NameOf, typename Take>
std::string walk(const Names& names, std::string_view prefix, std::string_view from,
                 std::size_t rows_max, NameOf name_of, Take take) {
    auto at = names.lower_bound(from.empty() ? prefix : from);
    for (std::size_t rows = 0; at != names.end(); ++rows) {
        const std::string_view name = name_of(*at);
        if (!name.starts_with(prefix)) {
            break;
        }
        if (rows == rows_max) {
            return std::string(name);
        }
        const std::string_view rest = name.substr(prefix.size());
        const std::size_t slash = rest.find('/');
        take(rest.substr(0, slash), slash == rest.npos ? &*at : nullptr);
        if (slash == rest.npos) {
            ++at;
        } else {
            // '0' comes right behind '/'.
            at = names.lower_bound(std::string(prefix) + std::string(rest.substr(0, slash)) + '0');
        }
    }
    return {};
}

}  // namespace

ChildPage Catalog::children(Where where, std::string_view prefix, std::string_view from,
                            std::size_t rows_max) const {
    return state_.with([&](const State& state) {
        ChildPage page;
        page.next = walk(
            state.folders[where == Where::shared ? 0 : 1], prefix, from, rows_max,
            [](const auto& entry) { return entry.first; },
            [&](std::string_view name, const Folder::value_type* entry) {
                if (entry == nullptr) {
                    page.rows.push_back({std::string(name), nullptr, {}});
                } else if (entry->second.state == Holding::State::complete) {
                    page.rows.push_back({std::string(name), entry->second.file, {}});
                } else if (entry->second.file->stamp.size <= limits::file_size_max) {
                    page.rows.push_back({std::string(name), nullptr, pending_of(entry->second)});
                }
            });
        return page;
    });
}

ChildPage Catalog::subfolders(std::string_view prefix, std::string_view from,
                              std::size_t rows_max) const {
    return state_.with([&](const State& state) {
        ChildPage page;
        // The folder itself is among the names, with nothing behind the prefix.
        const std::string first = std::string(prefix) + '\0';
        page.next = walk(
            state.subfolders, prefix, from.empty() ? std::string_view(first) : from, rows_max,
            [](const auto& entry) { return std::string_view(entry.first); },
            [&](std::string_view name, const auto*) {
                CatalogChild row{std::string(name), nullptr, {}};
                const auto known = state.subfolders.find(std::string(prefix) + row.name + '/');
                row.mtime_s = known != state.subfolders.end() ? known->second : 0;
                page.rows.push_back(std::move(row));
            });
        return page;
    });
}

bool Catalog::is_subfolder(std::string_view name) const {
    return state_.with(
        [&](const State& state) { return state.subfolders.contains(std::string(name) + '/'); });
}

std::optional<std::int64_t> Catalog::folder_mtime(std::string_view name) const {
    return state_.with([&](const State& state) {
        const auto found = state.subfolders.find(std::string(name) + '/');
        return found == state.subfolders.end() ? std::nullopt : std::optional(found->second);
    });
}

std::uint64_t Catalog::tree_generation() const {
    return state_.with([](const State& state) { return state.tree_generation; });
}

void Catalog::put_folder(std::string_view name, std::int64_t mtime_s) {
    state_.with([&](State& state) {
        const auto [folder, fresh] = state.subfolders.try_emplace(std::string(name) + '/', mtime_s);
        const bool changed = std::exchange(folder->second, mtime_s) != mtime_s;
        state.tree_generation += fresh || changed ? 1 : 0;
    });
}

void Catalog::set_folder_mtime(std::string_view name, std::int64_t mtime_s) {
    state_.with([&](State& state) {
        const auto folder = state.subfolders.find(std::string(name) + '/');
        if (folder != state.subfolders.end() && std::exchange(folder->second, mtime_s) != mtime_s) {
            ++state.tree_generation;
        }
    });
}

void Catalog::remove_folders(std::string_view name) {
    const std::string prefix = std::string(name) + '/';
    state_.with([&](State& state) {
        auto at = state.subfolders.lower_bound(prefix);
        while (at != state.subfolders.end() && at->first.starts_with(prefix)) {
            at = state.subfolders.erase(at);
            ++state.tree_generation;
        }
    });
}

std::vector<std::string> Catalog::folders() const {
    return state_.with([](const State& state) {
        std::vector<std::string> names;
        for (const auto& [name, mtime_s] : state.subfolders) {
            names.push_back(name.substr(0, name.size() - 1));
        }
        return names;
    });
}

}  // namespace shoal::store
