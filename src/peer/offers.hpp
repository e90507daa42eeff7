// Offers: the names that this host has to offer: what its catalog holds, but copies that only came
// through a gateway, whole or in part. Those serve whoever knows (size, root), and are no holders
// of a name: what was deleted or renamed where it belongs must be gone everywhere. Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "peer/cache_book.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/store/catalog.hpp"

namespace shoal::peer {

class Offers {
  public:
    // Without a cache everything is offered.
    Offers(const store::Catalog& catalog, Guarded<CacheBook>* cache = nullptr)
        : catalog_(catalog), cache_(cache) {}

    [[nodiscard]] const store::Catalog& catalog() const { return catalog_; }

    // As those of the catalog.
    [[nodiscard]] store::Holding find(std::string_view name) const;
    [[nodiscard]] store::Holding find_in(store::Where where, std::string_view name) const;
    // The finished file, or null when it is such a copy.
    [[nodiscard]] std::shared_ptr<const store::HeldFile> offered(
        std::shared_ptr<const store::HeldFile> file) const;
    [[nodiscard]] std::vector<store::CatalogRecord> page(std::string_view prefix,
                                                         std::string_view after,
                                                         std::size_t records_max) const;
    [[nodiscard]] bool has_folder(std::string_view name) const;
    // Of downloads/: nullopt when nothing below it is more than such a copy. Else the newest time
    // of the first finished files that are; 0: there are none.
    [[nodiscard]] std::optional<std::int64_t> newest_fetched_below(std::string_view prefix) const;

  private:
    [[nodiscard]] bool is_copy(const store::Holding& holding, std::string_view name) const;

    const store::Catalog& catalog_;
    Guarded<CacheBook>* cache_;
};

}  // namespace shoal::peer
