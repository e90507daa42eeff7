// Ways: how near hosts are, as far as the paths of hits tell. A search floods, so it need not come
// to a host by the shortest way, nor does the answer: a neighbour that heard of it by way of
// another one first answers by way of that one. What all paths say together is a map, and on it
// are the shortest ways that are known, whichever hit came first. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "shoal/base/host_address.hpp"

namespace shoal::overlay {

class Ways {
  public:
    static constexpr std::size_t links_max = 20'000;  // what goes beyond is not on the map

    // A host that this one is connected to.
    void add_neighbour(const HostAddress& host);
    // As in hits: the host that they are of first, the neighbour that sent them here last.
    void add_path(const std::vector<HostAddress>& path);

    // The neighbour first, `host` last; of several shortest ways always the same one. Empty: none
    // is known.
    [[nodiscard]] std::vector<HostAddress> to(const HostAddress& host);

  private:
    void find_ways();

    std::set<HostAddress> neighbours_;
    std::map<HostAddress, std::set<HostAddress>> beyond_;  // whom a host has asked
    std::size_t links_{0};
    bool found_{false};
    std::map<HostAddress, HostAddress> before_;  // the host before it; of a neighbour: itself
};

}  // namespace shoal::overlay
