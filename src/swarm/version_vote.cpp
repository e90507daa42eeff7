#include "shoal/swarm/version_vote.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "shoal/base/text.hpp"

namespace shoal::swarm {

namespace {

constexpr Duration wait_after_first = 300ms;

bool more_holders(const Version& a, const Version& b) {
    return std::pair(a.complete.size(), a.partial.size()) >
           std::pair(b.complete.size(), b.partial.size());
}

Candidate candidate_of(const Version& version) {
    return {version.key, version.complete.size(), version.partial.size(), 0, 0};
}

}  // namespace

std::vector<std::size_t> most_held(std::span<const Candidate> all) {
    std::vector<std::size_t> leaders;
    for (const auto count : {&Candidate::complete, &Candidate::partial, &Candidate::cached}) {
        std::size_t most = 1;
        for (std::size_t place = 0; place < all.size(); ++place) {
            const std::size_t votes = all[place].*count;
            if (votes > most) {
                leaders.clear();
            }
            if (votes >= most) {
                most = votes;
                leaders.push_back(place);
            }
        }
        if (!leaders.empty()) {
            break;
        }
    }
    return leaders;
}

std::optional<std::size_t> settled(std::span<const Candidate> all) {
    const std::vector<std::size_t> leaders = most_held(all);
    if (leaders.empty()) {
        return std::nullopt;
    }
    return *std::min_element(leaders.begin(), leaders.end(),
                             [all](std::size_t left, std::size_t right) {
                                 const auto rank = [](const Candidate& one) {
                                     return std::tuple(~one.mtime, one.key.root, one.key.size);
                                 };
                                 return rank(all[left]) < rank(all[right]);
                             });
}

VersionVote::VersionVote(std::string root_prefix, TimePoint now, Duration silence_max)
    : root_prefix_(std::move(root_prefix)), asked_at_(now), silence_max_(silence_max) {
    for (char& digit : root_prefix_) {
        digit = digit >= 'A' && digit <= 'F' ? static_cast<char>(digit - 'A' + 'a') : digit;
    }
}

bool VersionVote::matches(const ContentKey& key) const {
    return root_prefix_.empty() || text::hex(key.root).starts_with(root_prefix_);
}

void VersionVote::handle_asked(SourceId source) { answers_.try_emplace(source, Answer::waiting); }

void VersionVote::handle_has(SourceId source, ContentKey key, bool complete, TimePoint now) {
    withdraw(source);
    answers_[source] = Answer::has;
    Version& version = versions_[key];
    version.key = key;
    (complete ? version.complete : version.partial).push_back(source);
    if (!first_has_ && matches(key)) {
        first_has_ = now;
    }
}

void VersionVote::handle_has_not(SourceId source) {
    withdraw(source);
    answers_[source] = Answer::has_not;
}

void VersionVote::handle_pending(SourceId source) { answers_[source] = Answer::pending; }

void VersionVote::handle_unreadable(SourceId source) {
    withdraw(source);
    answers_[source] = Answer::unreadable;
}

void VersionVote::handle_gone(SourceId source) {
    withdraw(source);
    answers_.erase(source);
}

// What the source said before counts no longer.
void VersionVote::withdraw(SourceId source) {
    for (auto at = versions_.begin(); at != versions_.end();) {
        std::erase(at->second.complete, source);
        std::erase(at->second.partial, source);
        const bool empty = at->second.complete.empty() && at->second.partial.empty();
        at = empty ? versions_.erase(at) : std::next(at);
    }
    const bool any = std::any_of(versions_.begin(), versions_.end(),
                                 [this](const auto& entry) { return matches(entry.first); });
    if (!any) {
        first_has_.reset();
    }
}

std::optional<VersionVote::Undecided> VersionVote::undecided(TimePoint now) const {
    const auto some = [this](Answer wanted) {
        return std::any_of(answers_.begin(), answers_.end(),
                           [wanted](const auto& entry) { return entry.second == wanted; });
    };
    const bool silent = some(Answer::waiting);
    const bool hashing = some(Answer::pending);
    if (!silent && !hashing) {
        return std::nullopt;
    }
    if (first_has_) {
        const TimePoint until = *first_has_ + wait_after_first;
        return now < until ? std::optional(Undecided{until}) : std::nullopt;
    }
    const TimePoint until = asked_at_ + silence_max_;
    if (silent && now < until) {
        return Undecided{until};
    }
    return hashing ? std::optional(Undecided{std::nullopt}) : std::nullopt;
}

VersionVote::Outcome VersionVote::outcome(TimePoint now) const {
    if (const auto wait = undecided(now)) {
        return *wait;
    }
    std::vector<Version> wanted = versions();
    std::erase_if(wanted, [this](const Version& version) { return !matches(version.key); });
    if (wanted.empty()) {
        Nobody nobody;
        for (const auto& [source, answer] : answers_) {
            nobody.answered += answer == Answer::has_not ? 1 : 0;
            nobody.unreadable += answer == Answer::unreadable ? 1 : 0;
        }
        nobody.other_versions = !versions_.empty();
        return nobody;
    }
    std::vector<Candidate> candidates(wanted.size());
    std::transform(wanted.begin(), wanted.end(), candidates.begin(), candidate_of);
    Tie leaders;
    for (const std::size_t place : most_held(candidates)) {
        leaders.versions.push_back(std::move(wanted[place]));
    }
    if (leaders.versions.size() == 1) {
        return Winner{std::move(leaders.versions.front())};
    }
    return leaders;
}

std::vector<Version> VersionVote::versions() const {
    std::vector<Version> all;
    for (const auto& [key, version] : versions_) {
        all.push_back(version);
    }
    std::stable_sort(all.begin(), all.end(), more_holders);
    return all;
}

}  // namespace shoal::swarm
