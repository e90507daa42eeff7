#include "shoal/protocol/messages.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace shoal::protocol {

std::string status_text(std::uint16_t status) {
    static constexpr std::string_view names[] = {
        "ok",           "pending",         "not_found",  "not_held", "changed",
        "unreadable",   "bad_request",     "closing",    "busy",     "cancelled",
        "unknown_type", "unknown_version", "not_let_in", "io_error"};
    return status < std::size(names) ? std::string(names[status])
                                     : std::to_string(status) + ", which this host does not know";
}

void clientMessage::set_path(std::string_view text) {
    if (text.size() > path.size()) {
        throw std::length_error("a path for the wire is longer than 400 bytes");
    }
    path.fill(0);
    std::copy(text.begin(), text.end(), path.begin());
    pathLength = static_cast<std::uint16_t>(text.size());
}

}  // namespace shoal::protocol
