#include "peer/engine.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {
constexpr std::size_t told_max = 4;  // in a sentence
constexpr std::size_t kept_max = 64;
constexpr Duration distrust_max = std::chrono::minutes(10);
constexpr std::size_t distrusted_max = 1000;
}  // namespace

void Engine::distrust(const integrity::FileId& file, TimePoint now) {
    std::erase_if(distrusted_until, [now](const auto& entry) { return entry.second <= now; });
    if (distrusted_until.size() < distrusted_max) {
        distrusted_until[file] = now + distrust_max;
    }
}

bool Engine::distrusts(const integrity::FileId& file, TimePoint now) const {
    const auto found = distrusted_until.find(file);
    return found != distrusted_until.end() && now < found->second;
}

Doubts Engine::doubts(bool looked_on_disk, std::string_view prefix) const {
    Doubts doubts;
    doubts.starting = !table_seen;
    doubts.unheard = unheard;
    doubts.looking = !looked_on_disk || !wiring.catalog->sees(prefix);
    return doubts;
}

bool Engine::awaits_hosts() const {
    return !table_seen || std::any_of(unasked.begin(), unasked.end(),
                                      [](const Unasked& host) { return host.slow; });
}

std::string Engine::unasked_text(const std::function<bool(const std::string& host)>& asked) const {
    std::string text;
    std::size_t count = 0;
    for (const Unasked& host : unasked) {
        if ((!asked || !asked(host.host)) && ++count <= told_max) {
            text += (text.empty() ? "" : "; ") + host.host + ": " + host.why;
        }
    }
    return count > told_max ? text + "; and " + std::to_string(count - told_max) + " more" : text;
}

Nobody Engine::why_nobody(const std::vector<net::Address>* only) const {
    Nobody nobody;
    std::set<std::string> wanted;
    for (std::size_t i = 0; only != nullptr && i < only->size(); ++i) {
        wanted.insert((*only)[i].to_string());
    }
    bool strangers = false;
    for (const PeerRow& row : table) {
        if ((only == nullptr || wanted.contains(row.address)) && row.state != "connected") {
            strangers |= row.reason == DownReason::not_let_in;
            if (nobody.hosts.size() < kept_max) {
                nobody.hosts.push_back({row.address, row.reason, unreached_text(row)});
            }
        }
    }
    nobody.outcome = strangers ? Outcome::not_let_in : Outcome::no_host;
    if (nobody.hosts.empty()) {
        nobody.text = "no host to ask: add some to " + wiring.options.hosts_file;
        return nobody;
    }
    nobody.text = strangers ? "no host let this one in: " : "no host could be reached: ";
    for (std::size_t i = 0; i < std::min(nobody.hosts.size(), told_max); ++i) {
        nobody.text += (i > 0 ? "; " : "") + nobody.hosts[i].text;
    }
    if (nobody.hosts.size() > told_max) {
        nobody.text += "; and " + std::to_string(nobody.hosts.size() - told_max) + " more";
    }
    return nobody;
}

}  // namespace shoal::peer
