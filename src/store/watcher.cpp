#include "watcher.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace shoal::store {
namespace {

constexpr std::uint32_t root_events = IN_MOVE_SELF | IN_DELETE_SELF;
constexpr std::uint32_t shared_events =
    IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
// Without IN_MODIFY: our own writing to downloads/ would wake us each time.
constexpr std::uint32_t downloads_events = shared_events & ~std::uint32_t{IN_MODIFY};

Change::Kind kind_of(std::uint32_t mask) {
    const bool folder = (mask & IN_ISDIR) != 0;
    if ((mask & (IN_MOVED_FROM | IN_DELETE)) != 0) {
        return folder ? Change::Kind::folder_gone : Change::Kind::gone;
    }
    if (folder) {
        return Change::Kind::folder_here;
    }
    return (mask & IN_CLOSE_WRITE) != 0 ? Change::Kind::written : Change::Kind::touched;
}

}  // namespace

Watcher::Watcher(bool on) {
    if (on) {
        inotify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    }
}

bool Watcher::add(const Place& place, int folder_fd) {
    if (!inotify_) {
        return false;
    }
    // By descriptor: the path could lead elsewhere by now.
    const std::string path = "/proc/self/fd/" + std::to_string(folder_fd);
    const std::uint32_t events = place.where == Where::shared ? shared_events : downloads_events;
    const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(),
                                          events | (place.prefix.empty() ? root_events : 0) |
                                              IN_ONLYDIR | IN_MASK_ADD | IN_EXCL_UNLINK);
    if (watch < 0) {
        return false;
    }
    const auto [known, is_new] = watches_.try_emplace(place, watch);
    if (!is_new && known->second != watch) {
        const int old = known->second;  // another folder had this name
        known->second = watch;
        std::erase(places_[old], place);
    }
    auto& places = places_[watch];
    if (std::find(places.begin(), places.end(), place) == places.end()) {
        places.push_back(place);
    }
    return true;
}

void Watcher::forget(int watch) {
    const auto found = places_.find(watch);
    if (found == places_.end()) {
        return;
    }
    for (const Place& place : found->second) {
        if (const auto at = watches_.find(place); at != watches_.end() && at->second == watch) {
            watches_.erase(at);
        }
    }
    places_.erase(found);
}

void Watcher::remove_below(const Place& place) {
    for (auto at = watches_.lower_bound(place); at != watches_.end() &&
                                                at->first.where == place.where &&
                                                at->first.prefix.starts_with(place.prefix);) {
        auto& places = places_[at->second];
        std::erase(places, at->first);
        if (places.empty()) {
            ::inotify_rm_watch(inotify_.get(), at->second);
            places_.erase(at->second);
        }
        at = watches_.erase(at);
    }
}

void Watcher::translate(int watch, std::uint32_t mask, std::string_view name,
                        std::vector<Change>& changes) {
    if ((mask & IN_Q_OVERFLOW) != 0) {
        changes.push_back({Change::Kind::overflow, {}, {}});
        return;
    }
    if ((mask & IN_IGNORED) != 0) {
        forget(watch);
        return;
    }
    const auto found = places_.find(watch);
    if (found == places_.end()) {
        return;
    }
    if (name.empty()) {
        for (const Place& place : found->second) {
            if (place.prefix.empty() && (mask & root_events) != 0) {
                changes.push_back({Change::Kind::root_gone, place, {}});
            }
        }
        return;
    }
    for (const Place& place : found->second) {
        changes.push_back({kind_of(mask), place, std::string(name)});
    }
}

std::vector<Change> Watcher::take() {
    std::vector<Change> changes;
    alignas(inotify_event) char buffer[64 * 1024];
    for (;;) {
        const ssize_t size = inotify_ ? ::read(inotify_.get(), buffer, sizeof buffer) : 0;
        if (size <= 0) {
            return changes;
        }
        for (ssize_t at = 0; at < size;) {
            inotify_event event;
            std::memcpy(&event, buffer + at, sizeof event);
            const char* name = buffer + at + sizeof event;
            translate(event.wd, event.mask, {name, event.len == 0 ? 0 : ::strnlen(name, event.len)},
                      changes);
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
}

}  // namespace shoal::store
