#include "peer/tree.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr Duration good_for_min = 300ms;
constexpr Duration good_for_max = 5s;
constexpr int cost_share = 4;           // asked again at most a quarter of the time
constexpr Duration late_after = 500ms;  // from the first host that has told all
constexpr Duration answer_max = 10s;
constexpr Duration connect_max = 1s;  // for hosts that are being dialled
constexpr std::size_t asking_max = 64;
constexpr std::size_t folders_max = 256;

}  // namespace

void Tree::browse(BrowseFolder order, TimePoint now) {
    Folder& folder = folders_[order.prefix];
    folder.used_at = now;
    folder.waiting.push_back(std::move(order.callback));
    if (folder.remote && !folder.asking && now < folder.good_until) {
        answer(order.prefix, folder);
    }
}

void Tree::begin(const std::string& prefix, Folder& folder, TimePoint now) {
    ++asking_;
    folder.asking = std::make_unique<FolderAsk>(engine_.servers, prefix, now);
    for (ServerLink* link : engine_.servers.usable()) {
        folder.asking->ask(*link);
    }
}

void Tree::handle_link(ServerLink& link) {
    for (auto& [prefix, folder] : folders_) {
        if (folder.asking) {
            folder.asking->ask(link);
        }
    }
}

// When it is answered with what is known, if everybody has not told all before.
TimePoint Tree::due(const Folder& folder) const {
    const FolderAsk& ask = *folder.asking;
    if (ask.done()) {
        return engine_.settled() ? ask.began_at() : ask.began_at() + connect_max;
    }
    const TimePoint end = ask.began_at() + answer_max;
    // A large folder takes its time; a host that is silent is not waited for.
    return ask.first_done_at()
               ? std::min(end,
                          *ask.first_done_at() +
                              std::max<Duration>(late_after, *ask.first_done_at() - ask.began_at()))
               : end;
}

void Tree::drive(TimePoint now) {
    for (auto& [prefix, folder] : folders_) {
        if (folder.asking && now >= due(folder)) {
            keep(folder, now);
            answer(prefix, folder);
        }
    }
    for (auto& [prefix, folder] : folders_) {
        if (!folder.waiting.empty() && !folder.asking && asking_ < asking_max) {
            begin(prefix, folder, now);
        }
    }
    forget_old(now);
}

void Tree::keep(Folder& folder, TimePoint now) {
    const FolderAsk& ask = *folder.asking;
    folder.remote = ask.children();
    folder.hosts = ask.answered();
    folder.truncated = ask.truncated();
    folder.good_until =
        now + std::clamp<Duration>((now - ask.began_at()) * cost_share, good_for_min, good_for_max);
    folder.view.reset();
    folder.asking.reset();
    --asking_;
}

void Tree::answer(const std::string& prefix, Folder& folder) {
    const std::uint64_t generation = engine_.wiring.catalog->tree_generation();
    if (!folder.view || folder.generation != generation) {
        auto view = std::make_shared<FolderView>(
            merge_folder(*engine_.wiring.catalog, engine_.wiring.cache, prefix, *folder.remote));
        view->hosts = folder.hosts;
        view->truncated |= folder.truncated;
        folder.view = std::move(view);
        folder.generation = generation;
    }
    const std::string name = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
    const bool there =
        prefix.empty() || !folder.view->entries.empty() || engine_.wiring.catalog->has_folder(name);
    for (const auto& callback : std::exchange(folder.waiting, {})) {
        if (there) {
            callback(folder.view);
        } else {
            callback(Error{ErrorKind::not_found, "no host has a folder '" + name + "'"});
        }
    }
}

// What nobody has asked for lately costs memory.
void Tree::forget_old(TimePoint now) {
    std::size_t rows = 0;
    std::vector<Folders::iterator> idle;
    for (auto at = folders_.begin(); at != folders_.end(); ++at) {
        rows += at->second.view ? at->second.view->entries.size() : 0;
        if (at->second.waiting.empty() && !at->second.asking) {
            idle.push_back(at);
        }
    }
    const bool too_much = folders_.size() > folders_max || rows > limits::browse_rows_max;
    for (const Folders::iterator at : idle) {
        if (too_much || now >= at->second.good_until) {
            folders_.erase(at);
        }
    }
}

std::optional<TimePoint> Tree::next_timeout() const {
    std::optional<TimePoint> next;
    for (const auto& [prefix, folder] : folders_) {
        if (folder.asking) {
            next = std::min(next.value_or(TimePoint::max()), due(folder));
        } else if (folder.waiting.empty()) {
            next = std::min(next.value_or(TimePoint::max()), folder.good_until);
        }
    }
    return next;
}

void Tree::give_up(const Error& error) {
    for (auto& [prefix, folder] : folders_) {
        for (const auto& callback : std::exchange(folder.waiting, {})) {
            callback(error);
        }
    }
    folders_.clear();
    asking_ = 0;
}

}  // namespace shoal::peer
