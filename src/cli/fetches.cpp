#include "fetches.hpp"

#include <algorithm>

#include "found.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {

void Fetches::start(peer::PeerApi& api, peer::EventSink& sink) {
    api_ = &api;
    sink_ = &sink;
}

void Fetches::order(const Wanted& what, peer::FetchOrder rules) {
    rules.name = what.name;
    rules.root_prefix = what.root_prefix;
    const FetchId fetch = api_->fetch(rules, *sink_);
    running_[fetch] = Entry{++count_, what, std::nullopt};
    rules_[fetch] = std::move(rules);
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
    const Entry entry = std::move(found->second);
    const peer::FetchOrder rules = std::move(rules_[done.fetch]);
    running_.erase(found);
    rules_.erase(done.fetch);
    const bool not_found = done.outcome == peer::Outcome::not_found;
    const bool may_seek = seek_always_ && rules.root.empty() && !rules.name.ends_with('/') &&
                          (done.versions.empty() || !rules.root_prefix.empty());
    if (not_found && may_seek) {
        seek(entry.wanted, rules);
        return {false, std::nullopt};
    }
    if (not_found && !entry.wanted.literal.empty()) {
        order(wanted_literally(entry.wanted.literal), rules);
        return {false, std::nullopt};
    }
    note_code(static_cast<int>(done.outcome));
    return {true, entry};
}

void Fetches::order(const peer::FoundFile& file, const std::string& name, peer::FetchOrder rules) {
    rules.root = file.root;
    rules.size = file.size;
    rules.hosts.clear();
    for (const peer::FoundHost& host : file.hosts) {
        rules.hosts.push_back(host.host);
    }
    order(wanted_literally(name), std::move(rules));
}

void Fetches::seek(const Wanted& what, peer::FetchOrder rules) {
    rules.name = what.name;
    rules.root_prefix = what.root_prefix;
    const std::uint64_t search = api_->search(search_for_name(what.name), *sink_);
    seeking_[search] = {what, std::move(rules)};
}

Fetches::Sought Fetches::handle_results(const peer::SearchResults& results) {
    const auto found = seeking_.find(results.order);
    if (found == seeking_.end()) {
        return {};
    }
    const Seeking seeking = std::move(found->second);
    seeking_.erase(found);
    const std::string& name = seeking.rules.name;
    const Choice choice = choose(results, name, seeking.rules.root_prefix);
    if (choice.file != nullptr) {
        peer::FetchOrder rules = seeking.rules;
        if (rules.root_prefix.empty()) {
            rules.versions = choice.versions;
        }
        order(*choice.file, name, std::move(rules));
        return {true, std::nullopt};
    }
    if (!results.problem && choice.versions.empty() && !seeking.wanted.literal.empty()) {
        order(wanted_literally(seeking.wanted.literal), seeking.rules);
        return {true, std::nullopt};
    }
    peer::FetchDone done;
    done.name = name;
    done.outcome = results.problem.value_or(
        choice.versions.empty() ? peer::Outcome::not_found : peer::Outcome::versions_differ);
    done.text = results.problem ? results.text
                : choice.versions.empty()
                    ? "no host within reach has '" + name + "'"
                    : "hosts hold different files called '" + name + "'; choose one with NAME@ROOT";
    done.versions = choice.versions;
    note_code(static_cast<int>(done.outcome));
    return {true, done};
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
        if (entry.wanted.shown == which || entry.wanted.name == which) {
            api_->cancel(fetch);
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
