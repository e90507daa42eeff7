#include "shoal/overlay/ways.hpp"

#include <algorithm>
#include <deque>

namespace shoal::overlay {

void Ways::add_neighbour(const HostAddress& host) {
    found_ = false;
    neighbours_.insert(host);
}

void Ways::add_path(const std::vector<HostAddress>& path) {
    if (path.empty()) {
        return;
    }
    add_neighbour(path.back());
    for (std::size_t hop = path.size() - 1; hop > 0 && links_ < links_max; --hop) {
        links_ += beyond_[path[hop]].insert(path[hop - 1]).second ? 1 : 0;
    }
}

// Breadth first, hosts in the order of their addresses.
void Ways::find_ways() {
    before_.clear();
    std::deque<HostAddress> next;
    for (const HostAddress& host : neighbours_) {
        before_.emplace(host, host);
        next.push_back(host);
    }
    for (; !next.empty(); next.pop_front()) {
        const auto further = beyond_.find(next.front());
        if (further == beyond_.end()) {
            continue;
        }
        for (const HostAddress& host : further->second) {
            if (before_.emplace(host, further->first).second) {
                next.push_back(host);
            }
        }
    }
    found_ = true;
}

std::vector<HostAddress> Ways::to(const HostAddress& host) {
    if (!found_) {
        find_ways();
    }
    std::vector<HostAddress> way;
    for (auto at = before_.find(host); at != before_.end(); at = before_.find(at->second)) {
        way.push_back(at->first);
        if (at->second == at->first) {
            break;
        }
    }
    std::reverse(way.begin(), way.end());
    return way;
}

}  // namespace shoal::overlay
