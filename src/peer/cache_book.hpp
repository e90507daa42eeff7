// CacheBook: the files of downloads/ that only came through a gateway, in the order they were
// used, and which of them must go when they are too much. Pure; shared under a lock.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/integrity/digest.hpp"

namespace shoal::peer {

class CacheBook {
  public:
    struct Entry {
        std::string name;
        integrity::FileId id;
    };

    // The one used last; an older entry of that name is replaced.
    void add(std::string name, const integrity::FileId& id);
    // It was read again. Nothing when it is not here.
    void touch(std::string_view name);
    // It belongs to the user now, or is gone.
    bool remove(std::string_view name);

    // With that content: a file of the user's may have taken the name.
    [[nodiscard]] bool holds(std::string_view name, const integrity::FileId& id) const {
        const auto found = by_name_.find(name);
        return found != by_name_.end() && found->second->id == id;
    }
    [[nodiscard]] bool has(std::string_view name) const { return by_name_.contains(name); }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] bool changed() const { return changed_; }
    bool take_changed() { return std::exchange(changed_, false); }
    // Takes out the least recently used ones until the rest is at most `bytes_max`.
    std::vector<Entry> evict(std::uint64_t bytes_max);

    // The least recently used first, one line each. Names are hex: they may hold anything.
    [[nodiscard]] std::string save() const;
    // Lines that make no sense are left out.
    void load(std::string_view text);

  private:
    using Order = std::list<Entry>;
    Order entries_;  // least recently used first
    std::map<std::string, Order::iterator, std::less<>> by_name_;
    std::uint64_t bytes_{0};
    bool changed_{false};
};

}  // namespace shoal::peer
