#include "gateway/json/resolution.hpp"

namespace shoal::gateway::json {
namespace {

// Opens an object: the id, if there is one, is its first member.
std::string begin(std::string_view id) {
    std::string line;
    line.reserve(192);
    line += '{';
    if (!id.empty()) {
        line += "\"id\":";
        line += id;
        line += ',';
    }
    return line;
}

}  // namespace

Code code_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::bad_input:
            return Code::bad_name;
        case ErrorKind::not_found:
            return Code::not_found;
        case ErrorKind::unknown:
            return Code::unknown;
        case ErrorKind::forbidden:
            return Code::forbidden;
        case ErrorKind::exists:
            return Code::exists;
        case ErrorKind::changed:
            return Code::changed;
        case ErrorKind::no_space:
            return Code::disk_full;
        case ErrorKind::busy:
            return Code::busy;
        case ErrorKind::closed:
            return Code::incomplete;
        case ErrorKind::system:
            break;
    }
    return Code::failed;
}

Code code_of(peer::Outcome outcome) {
    switch (outcome) {
        case peer::Outcome::done:
            return Code::ok;
        case peer::Outcome::usage:
            return Code::bad_name;
        case peer::Outcome::not_found:
            return Code::not_found;
        case peer::Outcome::no_host:
        case peer::Outcome::not_let_in:
            return Code::no_host;
        case peer::Outcome::incomplete:
            return Code::incomplete;
        case peer::Outcome::versions_differ:
            return Code::versions_differ;
        case peer::Outcome::disk_full:
            return Code::disk_full;
        case peer::Outcome::exists:
            return Code::exists;
        case peer::Outcome::cancelled:
            return Code::cancelled;
        default:
            return Code::failed;
    }
}

int exit_code_of(unsigned status) {
    const auto exit = [](peer::Outcome outcome) { return static_cast<int>(outcome); };
    if (status >= 10 && status <= 19) {
        return static_cast<Code>(status) == Code::same ? 0 : 1;
    }
    switch (static_cast<Code>(status)) {
        case Code::ok:
            return exit(peer::Outcome::done);
        case Code::bad_json:
        case Code::bad_request:
        case Code::unknown_type:
        case Code::bad_name:
        case Code::bad_range:
        case Code::too_large:
            return exit(peer::Outcome::usage);
        case Code::not_found:
            return exit(peer::Outcome::not_found);
        case Code::no_host:
            return exit(peer::Outcome::no_host);
        case Code::incomplete:
        case Code::unknown:
        case Code::changed:
            return exit(peer::Outcome::incomplete);
        case Code::versions_differ:
            return exit(peer::Outcome::versions_differ);
        case Code::not_allowed:
        case Code::read_only:
        case Code::forbidden:
            return exit(peer::Outcome::not_let_in);
        case Code::hash_differs:
            return exit(peer::Outcome::verification_failed);
        case Code::disk_full:
            return exit(peer::Outcome::disk_full);
        case Code::exists:
            return exit(peer::Outcome::exists);
        default:
            return exit(peer::Outcome::failed);
    }
}

std::string members(const JsonObject& object) {
    const std::string whole = object.str();
    const std::string_view inside = std::string_view(whole).substr(1, whole.size() - 2);
    return inside.empty() ? std::string() : "," + std::string(inside);
}

std::string reply_line(std::string_view id, const Resolution& resolution) {
    std::string line = begin(id);
    line += "\"status\":";
    line += std::to_string(static_cast<unsigned>(resolution.code));
    line += ",\"message\":";
    append_json_text(line, resolution.message);
    line += resolution.extra;
    if (resolution.content_length) {
        line += ",\"content_length\":";
        line += std::to_string(*resolution.content_length);
    }
    line += '}';
    return line;
}

std::string event_line(std::string_view id, std::string_view event, const JsonObject& object) {
    std::string line = begin(id);
    line += "\"event\":";
    append_json_text(line, event);
    line += members(object);
    line += '}';
    return line;
}

}  // namespace shoal::gateway::json
