// Names and numbers for tests of searches: host n has the address and the node n.
#pragma once

#include <string>
#include <vector>

#include "shoal/overlay/search_router.hpp"

namespace shoal::overlay::scene {

inline HostAddress address_of(int n) {
    HostAddress address;
    address.ip[14] = static_cast<std::uint8_t>(n / 256);
    address.ip[15] = static_cast<std::uint8_t>(n % 256);
    address.port = 8080;
    return address;
}

inline NodeId node_of(int n) {
    NodeId node;
    node.bytes[0] = static_cast<std::uint8_t>(n / 256);
    node.bytes[1] = static_cast<std::uint8_t>(n % 256);
    return node;
}

inline SearchId id_of(int n) {
    SearchId id;
    id.bytes[0] = static_cast<std::uint8_t>(n % 256);
    id.bytes[1] = static_cast<std::uint8_t>(n / 256 % 256);
    id.bytes[2] = static_cast<std::uint8_t>(n / 65536);
    return id;
}

inline Route route(int id, int ttl, const std::vector<int>& stack = {}) {
    Route route;
    route.id = id_of(id);
    route.ttl = static_cast<std::uint8_t>(ttl);
    route.wait = std::chrono::seconds(4);
    for (const int host : stack) {
        route.stack.push_back(address_of(host));
    }
    return route;
}

inline std::string words_of(const Counts& counts) {
    std::string words;
    const auto add = [&words](const char* name, std::uint64_t count) {
        words += count > 0 ? std::string(" ") + name + " " + std::to_string(count) : "";
    };
    add("hosts", counts.hosts);
    add("dup", counts.duplicates);
    add("lost", counts.lost);
    add("late", counts.late);
    add("refused", counts.refused);
    add("cut", counts.cut);
    add("unsure", counts.unsure);
    return words;
}

inline std::string word_of(const SearchRouter::Action& action) {
    if (const auto* forward = std::get_if<SearchRouter::Forward>(&action)) {
        return std::to_string(forward->to.value) + ":" + std::to_string(forward->route.ttl);
    }
    if (const auto* reply = std::get_if<SearchRouter::Reply>(&action)) {
        return "reply " + std::to_string(reply->to.value) + "/" + std::to_string(reply->request) +
               ":" + words_of(reply->counts);
    }
    if (const auto* again = std::get_if<SearchRouter::Resend>(&action)) {
        return "resend " + std::to_string(again->to.value);
    }
    return "done:" + words_of(std::get<SearchRouter::OwnDone>(action).counts);
}

}  // namespace shoal::overlay::scene
