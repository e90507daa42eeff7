// Resolution: what became of a request: status, message, content. And the line that says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shoal/base/json.hpp"
#include "shoal/base/result.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::gateway::json {

// The numbers are the protocol's: docs/json-api.md.
enum class Code : unsigned {
    ok = 0,
    // of CMP
    same = 10,
    other_metadata = 11,
    remote_newer = 12,
    remote_older = 13,
    absent = 14,
    // what the client did wrong
    bad_json = 20,
    bad_request = 21,
    unknown_type = 22,
    bad_name = 23,
    not_allowed = 24,
    read_only = 25,
    bad_range = 26,
    too_large = 27,
    hash_differs = 28,
    // what there is not, or not now
    not_found = 40,
    no_host = 41,
    versions_differ = 42,
    incomplete = 43,
    exists = 44,
    changed = 45,
    forbidden = 46,
    unknown = 47,
    busy = 50,
    closing = 51,
    disk_full = 52,
    cancelled = 53,
    failed = 54,
};

Code code_of(ErrorKind kind);
Code code_of(peer::Outcome outcome);
// How `shoal call` ends on it: the exit codes of the other commands.
int exit_code_of(unsigned status);

struct Resolution {
    Code code{Code::ok};
    std::string message;  // a sentence for people
    std::string extra;    // further members, as ",\"key\":value" (see members())
    std::optional<std::uint64_t> content_length;  // raw bytes follow

    static Resolution of(Code code, std::string message) {
        return {code, std::move(message), {}, {}};
    }
    static Resolution of(const Error& error) {
        return {code_of(error.kind), error.message, {}, {}};
    }
};

// The members of `object`, as Resolution::extra wants them.
std::string members(const JsonObject& object);

// The line of a reply, without its end. `id` as in Request.
std::string reply_line(std::string_view id, const Resolution& resolution);
// An event on the way to a reply: {"id":…,"event":"…",…}.
std::string event_line(std::string_view id, std::string_view event, const JsonObject& object);

}  // namespace shoal::gateway::json
