#include "shoal/protocol/messages.hpp"

#include <algorithm>
#include <stdexcept>

namespace shoal::protocol {

void clientMessage::set_path(std::string_view text) {
    if (text.size() > path.size()) {
        throw std::length_error("a path for the wire is longer than 400 bytes");
    }
    path.fill(0);
    std::copy(text.begin(), text.end(), path.begin());
    pathLength = static_cast<std::uint16_t>(text.size());
}

}  // namespace shoal::protocol
