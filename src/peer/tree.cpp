#include "peer/tree.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr Duration good_for_min = 300ms;
constexpr Duration good_for_max = 800ms;     // what was deleted is gone within a second
constexpr int cost_share = 4;                // asked again at most a quarter of the time
constexpr Duration ask_again_after = 500ms;  // who had not seen all of its own folders
constexpr Duration answer_max = 30s;         // however many pages still come
constexpr std::size_t asking_max = 64;
constexpr std::size_t folders_max = 256;

std::string name_of(const std::string& prefix) {
    return prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
}

}  // namespace

void Tree::browse(BrowseFolder order, TimePoint now) {
    Folder& folder = folders_[order.prefix];
    folder.used_at = now;
    folder.waiting.push_back({std::move(order.callback), now});
    if (folder.remote && !folder.asking && now < folder.good_until) {
        const Doubts known = doubts(order.prefix, folder, told_.folder(order.prefix, now));
        if (!known.any()) {
            answer(order.prefix, folder, known);
        }
    }
}

void Tree::begin(const std::string& prefix, Folder& folder, TimePoint now) {
    ++asking_;
    folder.asking = std::make_unique<FolderAsk>(engine_.servers, told_, prefix, now);
    for (ServerLink* link : engine_.servers.usable()) {
        folder.asking->ask(*link);
    }
    const std::string name = name_of(prefix);
    folder.looked_on_disk = prefix.empty() || engine_.wiring.catalog->is_subfolder(name);
    if (!folder.looked_on_disk) {
        engine_.wiring.keeper.post(HashFirst{name});
    }
}

void Tree::handle_link(ServerLink& link) {
    for (auto& [prefix, folder] : folders_) {
        folder.heard.erase(link.known_as);
        if (folder.asking) {
            folder.asking->ask(link);
        }
    }
}

void Tree::handle_name_settled(const std::string& name) {
    if (const auto folder = folders_.find(name + '/'); folder != folders_.end()) {
        folder->second.looked_on_disk = true;
    }
}

// A host that is connected has told all when it has answered now; one that is lost, when it had.
Doubts Tree::doubts(const std::string& prefix, const Folder& folder, const ToldBy& hosts) const {
    Doubts doubts = engine_.doubts(folder.looked_on_disk, prefix);
    const std::set<std::string>& heard = folder.asking ? folder.asking->heard() : folder.heard;
    for (const Told::Folder& told : hosts) {
        if (told.away && !told.known) {
            doubts.away.push_back(*told.host);
        } else if (!told.away && !heard.contains(*told.host)) {
            doubts.silent.push_back(*told.host);
        } else if (!told.away && !told.known) {
            doubts.starting_hosts.push_back(*told.host);
        }
    }
    return doubts;
}

TimePoint Tree::last_chance(const Folder& folder) {
    const TimePoint since = folder.waiting.front().since;
    const TimePoint heard = folder.asking->done() ? since : folder.asking->heard_at();
    return std::min(since + answer_max, std::max(since, heard) + doubt_wait_max);
}

void Tree::go_on(const std::string& prefix, Folder& folder, TimePoint now) {
    const ToldBy told = told_.folder(prefix, now);
    const Doubts doubts = this->doubts(prefix, folder, told);
    const TimePoint end = last_chance(folder);
    if (doubts.any() && now < end) {
        const bool again = folder.asking->done() && folder.asking->has_more();
        const TimePoint again_at = folder.asking->began_at() + ask_again_after;
        if (again && now >= again_at) {
            folder.asking->ask_again(now);
            folder.look_at = end;
        } else {
            folder.look_at = again ? std::min(end, again_at) : end;
        }
        return;
    }
    keep(folder, told, now);
    if (doubts.any()) {
        folder.good_until = now;
    }
    answer(prefix, folder, doubts);
}

void Tree::drive(TimePoint now) {
    for (auto& [prefix, folder] : folders_) {
        if (!folder.waiting.empty() && !folder.asking && asking_ < asking_max) {
            begin(prefix, folder, now);
        }
        if (folder.asking) {
            go_on(prefix, folder, now);
        }
    }
    told_.forget_old(now);
    forget_old(now);
}

void Tree::keep(Folder& folder, const ToldBy& told, TimePoint now) {
    const FolderAsk& ask = *folder.asking;
    folder.truncated =
        std::any_of(told.begin(), told.end(), [](const Told::Folder& one) { return one.cut; });
    folder.remote = std::make_shared<const RemoteChildren>(merge_told(told));
    folder.hosts = ask.answered();
    folder.heard = ask.heard();
    folder.good_until =
        now + std::clamp<Duration>((now - ask.began_at()) * cost_share, good_for_min, good_for_max);
    folder.view.reset();
    folder.asking.reset();
    --asking_;
}

// A view that may lack names is for those who wait now, and not kept.
void Tree::answer(const std::string& prefix, Folder& folder, const Doubts& doubts) {
    const std::uint64_t generation = engine_.wiring.catalog->tree_generation();
    if (!folder.view || folder.generation != generation) {
        auto view = std::make_shared<FolderView>(
            merge_folder(engine_.wiring.offers(), prefix, *folder.remote));
        view->hosts = folder.hosts;
        view->truncated |= folder.truncated;
        view->complete = !doubts.any();
        view->doubts = doubts.text();
        folder.view = std::move(view);
        folder.generation = generation;
    }
    const FolderViewPtr view = folder.view;
    if (doubts.any()) {
        folder.view.reset();
    }
    tell(prefix, folder, view);
}

void Tree::tell(const std::string& prefix, Folder& folder, const FolderViewPtr& view) {
    const std::string name = name_of(prefix);
    const bool there =
        prefix.empty() || !view->entries.empty() || engine_.wiring.catalog->is_subfolder(name);
    Result<FolderViewPtr> told(view);
    if (!there && view->complete) {
        told = Error{ErrorKind::not_found, "no host has a folder '" + name + "'"};
    } else if (!there) {
        told = Error{ErrorKind::unknown, "it is not known yet whether there is a folder '" + name +
                                             "': " + view->doubts};
    }
    for (const Waiting& waiting : std::exchange(folder.waiting, {})) {
        waiting.callback(told);
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
            sooner(next, folder.look_at);
        } else if (folder.waiting.empty()) {
            sooner(next, folder.good_until);
        }
    }
    return next;
}

void Tree::give_up(const Error& error) {
    for (auto& [prefix, folder] : folders_) {
        for (const Waiting& waiting : std::exchange(folder.waiting, {})) {
            waiting.callback(error);
        }
    }
    folders_.clear();
    asking_ = 0;
}

}  // namespace shoal::peer
