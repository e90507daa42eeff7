#include "fetches.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::cli {

void Fetches::start(peer::PeerApi& api, peer::EventSink& sink) {
    api_ = &api;
    sink_ = &sink;
}

void Fetches::order(const Wanted& what, peer::FetchOrder rules) {
    begin({++count_, what, what, std::move(rules), false, std::nullopt});
}

void Fetches::order(const peer::FoundFile& file, const std::string& name, peer::FetchOrder rules) {
    const Wanted what = wanted_literally(name);
    begin(file, {++count_, what, what, std::move(rules), true, std::nullopt});
}

void Fetches::begin(Entry entry) {
    entry.rules.name = entry.wanted.name;
    entry.rules.root_prefix = entry.wanted.root_prefix;
    const FetchId fetch = api_->fetch(entry.rules, *sink_);
    running_[fetch] = std::move(entry);
}

// That content; or, while its root is not known, what that name means at those hosts.
void Fetches::begin(const peer::FoundFile& file, Entry entry) {
    entry.rules.root = file.root;
    entry.rules.size = file.size;
    entry.rules.path_there = file.pending ? file.name : std::string();
    entry.rules.hosts.clear();
    for (const peer::FoundHost& host : file.hosts) {
        entry.rules.hosts.push_back(host.host);
    }
    entry.wanted.literal.clear();
    if (!file.pending) {
        entry.wanted.root_prefix.clear();
    }
    begin(std::move(entry));
}

Fetches::Handled Fetches::handle(const peer::Event& event) {
    if (const auto* progress = std::get_if<peer::FetchProgress>(&event)) {
        const auto found = running_.find(progress->fetch);
        if (found == running_.end()) {
            return {false, std::nullopt};
        }
        found->second.progress = *progress;
    } else if (const auto* done = std::get_if<peer::FetchDone>(&event)) {
        return handle_done(*done);
    }
    return {};
}

Fetches::Handled Fetches::handle_done(const peer::FetchDone& done) {
    const auto found = running_.find(done.fetch);
    if (found == running_.end()) {
        return {false, std::nullopt};
    }
    Entry entry = std::move(found->second);
    running_.erase(found);
    const peer::FetchOrder& rules = entry.rules;
    const bool not_found = done.outcome == peer::Outcome::not_found;
    const bool may_seek = seek_always_ && rules.root.empty() && rules.hosts.empty() &&
                          !rules.name.ends_with('/') &&
                          (done.versions.empty() || !rules.root_prefix.empty());
    if (not_found && may_seek) {
        seek(std::move(entry));
        return {false, std::nullopt};
    }
    if (not_found && !entry.wanted.literal.empty()) {
        begin_literally(std::move(entry));
        return {false, std::nullopt};
    }
    note_code(static_cast<int>(done.outcome));
    return {true, std::move(entry)};
}

// The whole text may be a name.
void Fetches::begin_literally(Entry entry) {
    entry.wanted = wanted_literally(entry.wanted.literal);
    entry.progress.reset();
    begin(std::move(entry));
}

void Fetches::seek(Entry entry) {
    const std::uint64_t search = api_->search(search_for_name(entry.wanted.name), *sink_);
    seeking_[search] = std::move(entry);
}

Fetches::Sought Fetches::handle_results(const peer::SearchResults& results) {
    const auto found = seeking_.find(results.order);
    if (found == seeking_.end()) {
        return {};
    }
    Entry entry = std::move(found->second);
    seeking_.erase(found);
    entry.sought = true;
    const Choice choice = choose(results, entry.wanted.name, entry.wanted.root_prefix);
    if (choice.file != nullptr && entry.wanted.root_prefix.empty()) {
        entry.rules.versions = choice.versions;
    }
    if (choice.file != nullptr || choice.pending != nullptr) {
        begin(choice.file != nullptr ? *choice.file : *choice.pending, std::move(entry));
        return {true, std::nullopt};
    }
    peer::FetchDone done = unfound(results, choice, entry.wanted.name);
    const bool nowhere =
        done.outcome == peer::Outcome::not_found || done.outcome == peer::Outcome::incomplete;
    if (nowhere && !entry.wanted.literal.empty()) {
        begin_literally(std::move(entry));
        return {true, std::nullopt};
    }
    note_code(static_cast<int>(done.outcome));
    return {true, std::move(done)};
}

// Why a search ends without anything to fetch. That nobody has it takes everybody's word.
peer::FetchDone Fetches::unfound(const peer::SearchResults& results, const Choice& choice,
                                 const std::string& name) {
    using peer::Outcome;
    peer::FetchDone done;
    done.name = name;
    done.versions = choice.versions;
    const Outcome problem = results.problem.value_or(Outcome::not_found);
    if (problem != Outcome::not_found && problem != Outcome::incomplete) {
        done.outcome = problem;
        done.text = results.text;
    } else if (!choice.versions.empty()) {
        done.outcome = Outcome::versions_differ;
        done.text = "hosts hold different files called '" + name + "'; choose one with NAME@ROOT";
    } else if (!results.doubts.empty() || results.truncated) {
        done.outcome = Outcome::incomplete;
        done.text = "no host that has told has '" + name + "', but " +
                    (results.doubts.empty() ? "there is more than hosts tell" : results.doubts);
    } else {
        done.outcome = Outcome::not_found;
        done.text = "no host within reach has '" + name + "'";
    }
    return done;
}

void Fetches::cancel_all() {
    for (const auto& [fetch, entry] : running_) {
        api_->cancel(fetch);
    }
    for (const auto& [order, seeking] : seeking_) {
        api_->cancel_search(order);
    }
}

bool Fetches::cancel(const std::string& which) {
    bool found = false;
    for (const auto& [fetch, entry] : running_) {
        if (entry.typed.shown == which || entry.wanted.name == which) {
            api_->cancel(fetch);
            found = true;
        }
    }
    for (const auto& [order, entry] : seeking_) {
        if (entry.typed.shown == which || entry.wanted.name == which) {
            api_->cancel_search(order);
            found = true;
        }
    }
    const auto number = text::parse_number(which, 1, count_);
    const auto by_number = std::find_if(running_.begin(), running_.end(), [&](const auto& one) {
        return number && one.second.number == *number;
    });
    if (!found && by_number != running_.end()) {
        api_->cancel(by_number->first);
        found = true;
    }
    return found;
}

void Fetches::note_code(int code) { worst_ = std::max(worst_, code); }

}  // namespace shoal::cli
