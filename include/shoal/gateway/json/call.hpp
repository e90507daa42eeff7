// `shoal call`: requests to a JSON gateway from the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shoal/base/result.hpp"
#include "shoal/base/time.hpp"

namespace shoal::gateway::json {

struct CallOptions {
    std::string address;  // numeric
    std::uint16_t port{8081};
    std::string secret_file;                     // empty: none
    Duration timeout{std::chrono::seconds(30)};  // without anything moving
    std::string input;   // file of the request's content; "-": standard input; empty: none
    std::string output;  // file for the reply's content; empty: standard output
};

// `words` are requests as JSON, each a word that begins with '{', or one request as words:
// TYPE [ENDPOINT] [FIELD=VALUE...]. Each line of a reply goes to stdout, but to stderr where its
// content goes to stdout. Returns the exit code, the largest of those of the replies' statuses.
// An error: no reply was to be had; bad_input: the words are no request.
Result<int> call(const CallOptions& options, const std::vector<std::string>& words);

}  // namespace shoal::gateway::json
