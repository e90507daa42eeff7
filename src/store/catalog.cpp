#include "shoal/store/catalog.hpp"

#include <algorithm>
#include <iterator>

#include "shoal/base/text.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t index_of(Where where) { return where == Where::shared ? 0 : 1; }

CatalogRecord record_of(const HeldFile& file) {
    const std::uint32_t chunks = integrity::Geometry(file.id.size).chunk_count();
    return {file.name.text(), file.id, chunks, file.stamp.mtime_s(), file.where, {}};
}

CatalogRecord record_of(const PartialFile& partial) {
    return {partial.name().text(), partial.id(),       partial.held_count(), 0,
            Where::downloads,      partial.part_path()};
}

// The start of the names to show: those with the prefix that come after `after`.
template <typename Names>
auto begin_of(const Names& names, std::string_view prefix, std::string_view after) {
    return after >= prefix ? names.upper_bound(after) : names.lower_bound(prefix);
}

}  // namespace

PendingFile Catalog::pending_of(const Slot& slot) {
    const Stamp& stamp = slot.file->stamp;
    return {stamp.size, stamp.mtime_s(), slot.hashed, slot.being_written};
}

Holding Catalog::holding_of(const Slot& slot) {
    Holding holding{slot.state, nullptr, nullptr, {}};
    if (slot.state == Holding::State::complete) {
        holding.file = slot.file;
    } else if (slot.state == Holding::State::pending) {
        holding.pending = pending_of(slot);
    }
    return holding;
}

Holding Catalog::find(std::string_view name) const {
    return state_.with([&](const State& state) -> Holding {
        for (const Folder& folder : state.folders) {
            if (const auto slot = folder.find(name); slot != folder.end()) {
                return holding_of(slot->second);
            }
        }
        if (const auto found = state.partials.find(name); found != state.partials.end()) {
            return {Holding::State::partial, nullptr, found->second, {}};
        }
        return {};
    });
}

Holding Catalog::find(const integrity::FileId& id) const {
    return state_.with([&](const State& state) -> Holding {
        if (const auto file = state.by_id.find(id); file != state.by_id.end()) {
            return {Holding::State::complete, *file, nullptr, {}};
        }
        for (const auto& [name, partial] : state.partials) {
            if (partial->id() == id) {
                return {Holding::State::partial, nullptr, partial, {}};
            }
        }
        return {};
    });
}

Holding Catalog::find_in(Where where, std::string_view name) const {
    return state_.with([&](const State& state) -> Holding {
        const Folder& folder = state.folders[index_of(where)];
        const auto slot = folder.find(name);
        return slot == folder.end() ? Holding{} : holding_of(slot->second);
    });
}

// Three sorted sequences merged; of equal names the first one's counts.
std::vector<CatalogRecord> Catalog::page(std::string_view prefix, std::string_view after,
                                         std::size_t records_max) const {
    return state_.with([&](const State& state) {
        std::vector<CatalogRecord> records;
        auto shared = begin_of(state.folders[0], prefix, after);
        auto downloads = begin_of(state.folders[1], prefix, after);
        auto partial = begin_of(state.partials, prefix, after);
        const auto live = [&](const auto& names, auto at) {
            return at != names.end() && at->first.starts_with(prefix);
        };
        while (records.size() < records_max) {
            const bool in_shared = live(state.folders[0], shared);
            const bool in_downloads = live(state.folders[1], downloads);
            const bool in_partials = live(state.partials, partial);
            if (!in_shared && !in_downloads && !in_partials) {
                break;
            }
            std::string_view name = in_shared      ? shared->first
                                    : in_downloads ? downloads->first
                                                   : partial->first;
            name = in_downloads ? std::min(name, downloads->first) : name;
            name = in_partials ? std::min(name, partial->first) : name;
            const bool of_shared = in_shared && shared->first == name;
            const bool of_downloads = in_downloads && downloads->first == name;
            if (of_shared || of_downloads) {
                const Slot& slot = of_shared ? shared->second : downloads->second;
                if (slot.state == Holding::State::complete) {
                    records.push_back(record_of(*slot.file));
                } else if (slot.file->stamp.size <= limits::file_size_max) {
                    records.push_back({std::string(name),
                                       integrity::unhashed(slot.file->stamp.size), 0,
                                       slot.file->stamp.mtime_s()});
                }
            } else {
                records.push_back(record_of(*partial->second));
            }
            shared = of_shared ? std::next(shared) : shared;
            downloads = of_downloads ? std::next(downloads) : downloads;
            partial = in_partials ? state.partials.upper_bound(name) : partial;
        }
        return records;
    });
}

std::uint64_t Catalog::generation() const {
    return state_.with([](const State& state) {
        std::uint64_t sum = state.generation;
        for (const auto& [name, partial] : state.partials) {
            sum += partial->held_count();
        }
        return sum;
    });
}

Catalog::Totals Catalog::totals() const {
    return state_.with([](const State& state) {
        Totals totals = state.totals;
        totals.partial = state.partials.size();
        return totals;
    });
}

Result<Fd> Catalog::open_for_serving(const HeldFile& file) const {
    Stamp stamp;
    const Root& root = file.where == Where::shared ? *shared_ : *downloads_;
    Result<Fd> fd = root.open_file(file.name, &stamp);
    const bool gone = !fd && fd.error().kind == ErrorKind::not_found;
    if (gone || (fd && stamp != file.stamp)) {
        if (changed_listener_) {
            changed_listener_(file);
        }
        return Error{ErrorKind::changed, "'" + text::escape(file.name.text()) + "' in '" +
                                             text::escape(root.path()) +
                                             "' is not what was hashed any more"};
    }
    return fd;
}

Result<Fd> Catalog::open_part(const PartialFile& partial) const {
    const Result<SafePath> path = SafePath::parse(partial.part_path());
    Stamp stamp;
    Result<Fd> fd = path ? downloads_->open_file(*path, &stamp) : Result<Fd>(path.error());
    const bool gone = !fd && fd.error().kind == ErrorKind::not_found;
    if (gone || (fd && stamp.size != partial.id().size)) {
        return Error{ErrorKind::changed,
                     "'" + text::escape(partial.part_path()) + "' is not what was downloaded"};
    }
    return fd;
}

void Catalog::State::erase(Folder& folder, Folder::iterator slot) {
    const Slot& old = slot->second;
    ++generation;
    ++tree_generation;
    if (old.state == Holding::State::complete) {
        --totals.files;
        totals.bytes -= old.file->id.size;
        by_id.erase(old.file);
        changed.push_back(old.file->id);
    } else if (old.state == Holding::State::pending) {
        --totals.pending;
        settled.push_back(old.file->name.text());
    }
    // The key is a view into the value, which must outlive it.
    const auto keep = old.file;
    folder.erase(slot);
}

void Catalog::State::put(Where where, Slot slot) {
    Folder& folder = folders[index_of(where)];
    const std::string_view name = slot.file->name.text();
    if (const auto old = folder.find(name); old != folder.end()) {
        erase(folder, old);
    }
    ++generation;
    ++tree_generation;
    if (slot.state == Holding::State::complete) {
        ++totals.files;
        totals.bytes += slot.file->id.size;
        by_id.insert(slot.file);
        changed.push_back(slot.file->id);
    } else if (slot.state == Holding::State::pending) {
        ++totals.pending;
    }
    folder.emplace(name, std::move(slot));
}

void Catalog::put(std::shared_ptr<const HeldFile> file) {
    const Where where = file->where;
    state_.lock()->put(where, {Holding::State::complete, std::move(file), 0, false});
}

// Whether somebody writes to it is known until the hasher looks again.
void Catalog::put_pending(Where where, const SafePath& name, const Stamp& stamp) {
    state_.with([&](State& state) {
        const Slot* old = pending_slot(state, where, name.text());
        const bool being_written = old != nullptr && old->being_written;
        auto file = std::make_shared<const HeldFile>(HeldFile{name, where, {}, {}, stamp});
        state.put(where, {Holding::State::pending, std::move(file), 0, being_written});
    });
}

void Catalog::put_unreadable(Where where, const SafePath& name, const Stamp& stamp) {
    auto file = std::make_shared<const HeldFile>(HeldFile{name, where, {}, {}, stamp});
    state_.lock()->put(where, {Holding::State::unreadable, std::move(file), 0, false});
}

Catalog::Slot* Catalog::pending_slot(State& state, Where where, std::string_view name) const {
    Folder& folder = state.folders[index_of(where)];
    const auto slot = folder.find(name);
    return slot != folder.end() && slot->second.state == Holding::State::pending ? &slot->second
                                                                                 : nullptr;
}

void Catalog::set_hashed(Where where, std::string_view name, std::uint64_t bytes) {
    state_.with([&](State& state) {
        if (Slot* slot = pending_slot(state, where, name)) {
            slot->hashed = bytes;
            slot->being_written = false;
        }
    });
}

void Catalog::set_being_written(Where where, std::string_view name, bool is) {
    state_.with([&](State& state) {
        if (Slot* slot = pending_slot(state, where, name)) {
            slot->being_written = is;
        }
    });
}

void Catalog::set_proving(bool on) { state_.lock()->proving = on; }

bool Catalog::is_proving() const {
    return state_.with([](const State& state) { return state.proving; });
}

void Catalog::set_scanning(bool on) {
    state_.with([on](State& state) { state.scanning = on; });
}

bool Catalog::put_unseen(Where where, std::string_view prefix) {
    return state_.with([&](State& state) { return state.unseen.emplace(where, prefix).second; });
}

void Catalog::remove_unseen(Where where, std::string_view prefix) {
    state_.with([&](State& state) { state.unseen.erase({where, std::string(prefix)}); });
}

void Catalog::remove_unseen_below(Where where, std::string_view prefix) {
    state_.with([&](State& state) {
        std::erase_if(state.unseen, [&](const auto& folder) {
            return folder.first == where && folder.second.starts_with(prefix);
        });
    });
}

std::vector<std::pair<Where, std::string>> Catalog::unseen() const {
    return state_.with([](const State& state) {
        return std::vector<std::pair<Where, std::string>>(state.unseen.begin(), state.unseen.end());
    });
}

bool Catalog::knows_all(std::string_view prefix) const {
    return state_.with([&](const State& state) {
        return !state.scanning &&
               std::none_of(state.unseen.begin(), state.unseen.end(), [&](const auto& folder) {
                   return folder.second.starts_with(prefix) || prefix.starts_with(folder.second);
               });
    });
}

bool Catalog::sees(std::string_view prefix) const {
    return state_.with([&](const State& state) {
        return !state.scanning &&
               std::none_of(state.unseen.begin(), state.unseen.end(),
                            [&](const auto& folder) { return prefix.starts_with(folder.second); });
    });
}

std::set<std::string> Catalog::unseen_below(std::string_view prefix) const {
    return state_.with([&](const State& state) {
        std::set<std::string> folders;
        for (const auto& [where, folder] : state.unseen) {
            if (!folder.empty() && folder.starts_with(prefix)) {
                folders.insert(folder);
            }
        }
        return folders;
    });
}

bool Catalog::knows(std::string_view name) const {
    return state_.with([&](const State& state) {
        return !state.scanning &&
               std::none_of(state.unseen.begin(), state.unseen.end(),
                            [&](const auto& folder) { return name.starts_with(folder.second); });
    });
}

std::size_t Catalog::unknown_count() const {
    return state_.with([](const State& state) {
        return state.unseen.size() + static_cast<std::size_t>(state.scanning);
    });
}

void Catalog::remove(Where where, std::string_view name) {
    state_.with([&](State& state) {
        Folder& folder = state.folders[index_of(where)];
        if (const auto slot = folder.find(name); slot != folder.end()) {
            state.erase(folder, slot);
        }
    });
}

// Its chunks are counted on, so that generation() never falls.
void Catalog::State::erase_partial(std::string_view name, std::string_view part_path) {
    const auto [begin, end] = partials.equal_range(name);
    for (auto at = begin; at != end; ++at) {
        if (at->second->part_path() == part_path) {
            generation += at->second->held_count() + 1;
            const auto keep = at->second;
            partials.erase(at);
            return;
        }
    }
}

std::vector<integrity::FileId> Catalog::take_changed() {
    return state_.with([](State& state) { return std::exchange(state.changed, {}); });
}

std::vector<std::string> Catalog::take_settled() {
    return state_.with([](State& state) { return std::exchange(state.settled, {}); });
}

void Catalog::put_partial(std::shared_ptr<PartialFile> partial) {
    state_.with([&](State& state) {
        state.erase_partial(partial->name().text(), partial->part_path());
        ++state.generation;
        const std::string_view name = partial->name().text();
        state.partials.emplace(name, std::move(partial));
    });
}

void Catalog::remove_partial(const PartialFile& partial) {
    state_.lock()->erase_partial(partial.name().text(), partial.part_path());
}

std::vector<SafePath> Catalog::names_below(Where where, std::string_view prefix,
                                           std::string_view after, std::size_t names_max) const {
    return state_.with([&](const State& state) {
        std::vector<SafePath> names;
        const Folder& folder = state.folders[index_of(where)];
        auto at = after.empty() ? folder.lower_bound(prefix) : folder.upper_bound(after);
        for (; at != folder.end() && at->first.starts_with(prefix) && names.size() < names_max;
             ++at) {
            names.push_back(at->second.file->name);
        }
        return names;
    });
}

std::vector<std::shared_ptr<const HeldFile>> Catalog::complete_files() const {
    return state_.with([](const State& state) {
        return std::vector<std::shared_ptr<const HeldFile>>(state.by_id.begin(), state.by_id.end());
    });
}

std::vector<std::shared_ptr<PartialFile>> Catalog::partials() const {
    return state_.with([](const State& state) {
        std::vector<std::shared_ptr<PartialFile>> all;
        for (const auto& [name, partial] : state.partials) {
            all.push_back(partial);
        }
        return all;
    });
}

}  // namespace shoal::store
