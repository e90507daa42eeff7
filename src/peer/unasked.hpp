// Unasked: a host of hosts.txt that has not been asked. That is no answer: only one that is not
// reached is absent.
#pragma once

#include <string>

namespace shoal::peer {

struct Unasked {
    std::string host;  // as its link is called, else its line of hosts.txt
    std::string why;   // "it is full"
    bool slow{false};  // it may yet be asked by itself: it is dialled, or its hello has not come
};

}  // namespace shoal::peer
