#include "peer/versions.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr std::size_t told_max = 4;  // versions in one line

std::string root_and_size(const VersionInfo& one, const std::vector<VersionInfo>& all) {
    return short_root(one, all) + " (" + text::size(one.size) + ")";
}

// "1 holds c5613aee (20 MiB)", "2 hold a part of c5613aee (20 MiB)"; `among`: " of 3 hosts".
std::string holders_text(const VersionInfo& one, const std::vector<VersionInfo>& all,
                         const std::string& among = {}) {
    const bool whole = !one.complete.empty();
    const std::size_t count = whole ? one.complete.size() : one.partial.size();
    return std::to_string(count) + among + (count == 1 ? " holds " : " hold ") +
           (whole ? "" : "a part of ") + root_and_size(one, all);
}

// Who holds each of `shown`, and what to type for it; `all` are told apart by their roots.
std::string offers(const std::string& name, const std::vector<VersionInfo>& shown,
                   const std::vector<VersionInfo>& all) {
    std::string holders;
    std::string orders;
    for (std::size_t i = 0; i < std::min(shown.size(), told_max); ++i) {
        holders += (i > 0 ? ", " : "") + holders_text(shown[i], all);
        orders += (i > 0 ? ", get " : "get ") + name + '@' + short_root(shown[i], all);
    }
    const std::size_t more = shown.size() - std::min(shown.size(), told_max);
    holders += more > 0 ? ", and there are " + std::to_string(more) + " more" : "";
    return holders + ": " + orders;
}

}  // namespace

std::string short_root(const VersionInfo& one, const std::vector<VersionInfo>& all) {
    std::size_t digits = 8;
    const auto clashes = [&](const VersionInfo& other) {
        return other.root != one.root && other.root.substr(0, digits) == one.root.substr(0, digits);
    };
    while (digits < one.root.size() && std::any_of(all.begin(), all.end(), clashes)) {
        ++digits;
    }
    return text::escape(one.root.substr(0, digits));
}

std::vector<const FoundFile*> most_held(const std::vector<const FoundFile*>& files) {
    std::vector<swarm::Candidate> candidates;
    for (const FoundFile* file : files) {
        candidates.push_back({{}, file->complete, file->partial, 0, 0});
    }
    std::vector<const FoundFile*> leaders;
    for (const std::size_t place : swarm::most_held(candidates)) {
        leaders.push_back(files[place]);
    }
    return leaders;
}

std::string vote_text(const std::string& name, const VersionInfo& taken,
                      const std::vector<VersionInfo>& others) {
    std::vector<VersionInfo> all = others;
    all.push_back(taken);
    std::size_t hosts = 0;
    for (const VersionInfo& one : all) {
        hosts += one.complete.size() + one.partial.size();
    }
    return holders_text(taken, all, " of " + std::to_string(hosts) + " hosts") + ", " +
           offers(name, others, all);
}

std::string choices_text(const std::string& name, const std::vector<VersionInfo>& versions) {
    return offers(name, versions, versions);
}

}  // namespace shoal::peer
