#include "peer/tree.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr Duration good_for_min = 300ms;
constexpr Duration good_for_max = 800ms;     // what was deleted is gone within a second
constexpr int cost_share = 4;                // asked again at most a quarter of the time
constexpr Duration late_after = 500ms;       // without a further page: what was told before will do
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
        if (const Doubts doubts = this->doubts(order.prefix, folder, now); !doubts.any()) {
            answer(order.prefix, folder, doubts);
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

Doubts Tree::doubts(const std::string& prefix, const Folder& folder, TimePoint now) const {
    Doubts doubts;
    doubts.starting = !engine_.table_seen;
    doubts.unheard = engine_.unheard;
    doubts.looking = !folder.looked_on_disk || !engine_.wiring.catalog->knows_all(prefix);
    for (const Told::Folder& told : told_.folder(prefix, now)) {
        if (!told.known) {
            (told.away              ? doubts.away
             : told.rows == nullptr ? doubts.silent
                                    : doubts.starting_hosts)
                .push_back(*told.host);
        }
    }
    return doubts;
}

// From then on those who are silent are not waited for, if it is known what they had to tell.
TimePoint Tree::ripe(const Folder& folder) {
    const FolderAsk& ask = *folder.asking;
    return ask.done() ? ask.began_at() : ask.heard_at() + late_after;
}

TimePoint Tree::last_chance(const Folder& folder) {
    const TimePoint since = folder.waiting.front().since;
    const TimePoint heard = folder.asking->done() ? since : folder.asking->heard_at();
    return std::min(since + answer_max, std::max(since, heard) + doubt_wait_max);
}

void Tree::go_on(const std::string& prefix, Folder& folder, TimePoint now) {
    folder.look_at = ripe(folder);
    if (now < folder.look_at) {
        return;
    }
    const Doubts doubts = this->doubts(prefix, folder, now);
    const TimePoint end = last_chance(folder);
    if (doubts.any() && now < end) {
        const bool again = folder.asking->done() && folder.asking->has_more();
        const TimePoint again_at = folder.asking->began_at() + ask_again_after;
        if (again && now >= again_at) {
            folder.asking->ask_again(now);
            folder.look_at = ripe(folder);
        } else {
            folder.look_at = again ? std::min(end, again_at) : end;
        }
        return;
    }
    keep(prefix, folder, now);
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

void Tree::keep(const std::string& prefix, Folder& folder, TimePoint now) {
    const FolderAsk& ask = *folder.asking;
    const std::vector<Told::Folder> told = told_.folder(prefix, now);
    folder.truncated =
        std::any_of(told.begin(), told.end(), [](const Told::Folder& one) { return one.cut; });
    folder.remote = std::make_shared<const RemoteChildren>(merge_told(told));
    folder.hosts = ask.answered();
    folder.good_until =
        now + std::clamp<Duration>((now - ask.began_at()) * cost_share, good_for_min, good_for_max);
    folder.view.reset();
    folder.asking.reset();
    --asking_;
}

void Tree::make_view(const std::string& prefix, Folder& folder) {
    const std::uint64_t generation = engine_.wiring.catalog->tree_generation();
    if (folder.view && folder.generation == generation) {
        return;
    }
    auto view =
        std::make_shared<FolderView>(merge_folder(engine_.wiring.offers(), prefix, *folder.remote));
    view->hosts = folder.hosts;
    view->truncated |= folder.truncated;
    folder.view = std::move(view);
    folder.generation = generation;
}

void Tree::answer(const std::string& prefix, Folder& folder, const Doubts& doubts) {
    make_view(prefix, folder);
    if (doubts.any()) {
        auto view = std::make_shared<FolderView>(*folder.view);
        view->complete = false;
        view->doubts = doubts.text();
        folder.view.reset();
        return tell(prefix, folder, std::move(view));
    }
    tell(prefix, folder, folder.view);
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
            next = std::min(next.value_or(TimePoint::max()), folder.look_at);
        } else if (folder.waiting.empty()) {
            next = std::min(next.value_or(TimePoint::max()), folder.good_until);
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
