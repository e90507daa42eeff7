#include "peer/offers.hpp"

#include <algorithm>

namespace shoal::peer {

using store::Holding;
using store::Where;

bool Offers::is_copy(const Holding& holding, std::string_view name) const {
    const bool of_downloads = holding.file && holding.file->where == Where::downloads;
    if (cache_ == nullptr || (!of_downloads && !holding.partial)) {
        return false;
    }
    return cache_->with([&](const CacheBook& book) {
        return of_downloads ? book.holds(name, holding.file->id)
                            : book.has(holding.partial->part_path());
    });
}

Holding Offers::find(std::string_view name) const {
    Holding holding = catalog_.find(name);
    return is_copy(holding, name) ? Holding{} : holding;
}

Holding Offers::find_in(Where where, std::string_view name) const {
    Holding holding = catalog_.find_in(where, name);
    return is_copy(holding, name) ? Holding{} : holding;
}

std::shared_ptr<const store::HeldFile> Offers::offered(
    std::shared_ptr<const store::HeldFile> file) const {
    const bool copy = file && is_copy({Holding::State::complete, file, {}, {}}, file->name.text());
    return copy ? nullptr : file;
}

// So many that are offered, unless there are fewer.
std::vector<store::CatalogRecord> Offers::page(std::string_view prefix, std::string_view after,
                                               std::size_t records_max) const {
    if (cache_ == nullptr) {
        return catalog_.page(prefix, after, records_max);
    }
    std::vector<store::CatalogRecord> offered;
    std::string cursor(after);
    while (offered.size() < records_max) {
        const std::size_t wanted = records_max - offered.size();
        std::vector<store::CatalogRecord> records = catalog_.page(prefix, cursor, wanted);
        const bool last = records.size() < wanted;
        cursor = last ? cursor : records.back().name;
        cache_->with([&](const CacheBook& book) {
            for (store::CatalogRecord& record : records) {
                const bool copy = record.part_path.empty() ? record.where == Where::downloads &&
                                                                 book.holds(record.name, record.id)
                                                           : book.has(record.part_path);
                if (!copy) {
                    offered.push_back(std::move(record));
                }
            }
        });
        if (last) {
            break;
        }
    }
    return offered;
}

bool Offers::has_folder(std::string_view name) const {
    return catalog_.is_subfolder(name) || newest_fetched_below(std::string(name) + '/').has_value();
}

std::optional<std::int64_t> Offers::newest_fetched_below(std::string_view prefix) const {
    constexpr std::size_t page_names = 64;  // mostly the first of them tells
    std::optional<std::int64_t> newest;
    for (std::string after;;) {
        const auto names = catalog_.names_below(Where::downloads, prefix, after, page_names);
        for (const store::SafePath& name : names) {
            const Holding holding = find_in(Where::downloads, name.text());
            if (holding.state != Holding::State::absent) {
                newest =
                    std::max(newest.value_or(0), holding.file ? holding.file->stamp.mtime_s() : 0);
            }
        }
        if (newest || names.size() < page_names) {
            return newest;
        }
        after = names.back().text();
    }
}

}  // namespace shoal::peer
