// LeftOut: what stands in shared/ or downloads/ and cannot be offered: links, special files, names
// that no message can carry. Kept so that it is said, once and in the status, and not in silence.
// Pure. Names that begin with a dot are meant to be left out, and do not count.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/time.hpp"
#include "watcher.hpp"

namespace shoal::store {

class LeftOut {
  public:
    enum class Reason : std::uint8_t { link, special, backslash, not_utf8, too_long, other_name };

    // Why that name cannot be offered from `place`; nullopt: it can, or it begins with a dot.
    static std::optional<Reason> reason_of(const Place& place, std::string_view name);
    // Of a name that can. `mode` as stat() tells; nullopt: it is a file or a folder.
    static std::optional<Reason> reason_of(mode_t mode);

    void add(const Place& place, std::string_view name, Reason reason);
    void remove(const Place& place, std::string_view name);  // if it is one
    // Around a scan of a folder, which add()s what it meets: the rest of what was in it is gone.
    void begin_folder(const Place& place);
    void end_folder(const Place& place);
    void remove_below(const Place& place);

    [[nodiscard]] std::size_t count() const { return all_.size(); }
    // Grows whenever summary() may have changed.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    // "3: 2 symbolic links ('a', 'b'), 1 FIFO, ...", names escaped; empty when there is none.
    [[nodiscard]] std::string summary() const;
    // The same of what was not said yet, at most once a minute.
    std::optional<std::string> news(TimePoint now);

  private:
    struct Key {
        Where where{};
        std::string path;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    struct Entry {
        Reason reason{};
        bool said{false};
        bool met{true};  // since begin_folder()
    };
    using Entries = std::map<Key, Entry>;
    static std::string summary_of(const std::vector<Entries::const_iterator>& entries);
    template <typename Visit>
    void for_each_in(const Place& place, bool directly, Visit visit);

    Entries all_;
    std::uint64_t changes_{0};
    std::size_t unsaid_{0};
    std::optional<TimePoint> said_at_;
};

}  // namespace shoal::store
