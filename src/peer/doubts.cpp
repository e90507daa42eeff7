#include "peer/doubts.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {

constexpr std::size_t named_max = 3;

void add(std::string& text, const std::vector<std::string>& hosts, const char* one,
         const char* many) {
    if (hosts.empty()) {
        return;
    }
    text += text.empty() ? "" : "; ";
    for (std::size_t i = 0; i < std::min(hosts.size(), named_max); ++i) {
        text += (i > 0 ? ", " : "") + hosts[i];
    }
    if (hosts.size() > named_max) {
        text += " and " + std::to_string(hosts.size() - named_max) + " more";
    }
    text += hosts.size() == 1 ? one : many;
}

}  // namespace

std::string Doubts::text() const {
    std::string all = starting ? "this host has only just started" : "";
    if (looking) {
        all += all.empty() ? "" : "; ";
        all += "this host does not see all of its own folders yet";
    }
    add(all, silent, " does not answer", " do not answer");
    add(all, unheard, " was not heard of yet", " were not heard of yet");
    add(all, starting_hosts, " does not see all of its folders yet",
        " do not see all of their folders yet");
    add(all, away, " was lost, and may be back in a moment",
        " were lost, and may be back in a moment");
    return all;
}

}  // namespace shoal::peer
