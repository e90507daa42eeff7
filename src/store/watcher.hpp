// Watcher: inotify over whole trees. Says what may have changed; the Tracker looks. Main only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/store/catalog.hpp"

namespace shoal::store {

// A folder of one of the two trees: prefix is "" or "a/b/".
struct Place {
    Where where{};
    std::string prefix;
    friend auto operator<=>(const Place&, const Place&) = default;
};

struct Change {
    enum class Kind {
        touched,      // made, renamed here, changed, or its rights or times were changed
        written,      // its writer has closed it
        gone,         // deleted or moved away
        folder_here,  // a folder was made or moved here: scan it
        folder_gone,  // a folder was deleted or moved away with all below
        overflow,     // events were lost: look at everything
        root_gone,    // a tree's own folder was moved or deleted
    };
    Kind kind{};
    Place place;
    std::string name;  // in the place
};

class Watcher {
  public:
    explicit Watcher(bool on);

    [[nodiscard]] int fd() const { return inotify_.get(); }
    // Watches the folder behind `folder_fd`. False when the kernel has no watch left, or no
    // inotify at all.
    bool add(const Place& place, int folder_fd);
    // Forgets a place and all places below it.
    void remove_below(const Place& place);
    // Everything that has happened.
    std::vector<Change> take();

  private:
    void translate(int watch, std::uint32_t mask, std::string_view name,
                   std::vector<Change>& changes);
    void forget(int watch);

    Fd inotify_;
    // The same folder may be reached on two ways: downloads/ below shared/.
    std::unordered_map<int, std::vector<Place>> places_;
    std::map<Place, int> watches_;
};

}  // namespace shoal::store
