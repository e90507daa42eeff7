// A request as its line says: decoded once, typed, every bound checked. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/json/resolution.hpp"

namespace shoal::gateway::json {

// Everything that bodies may hold; which of it a request takes, the dispatcher's table says.
struct Body {
    std::optional<std::string> rel_endpoint;
    std::optional<std::string> hash;
    std::optional<std::string> content;  // base64
    std::optional<std::string> folder;
    std::optional<std::string> after;
    std::optional<std::string> name;
    std::optional<std::string> match;  // part, glob, regex
    std::optional<std::string> extensions;
    std::optional<std::vector<std::string>> meta_data;
    std::optional<std::vector<std::string>> hosts;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> range;  // offset, length
    std::optional<std::uint64_t> limit;
    std::optional<std::uint64_t> size;
    std::optional<std::uint64_t> size_min;
    std::optional<std::uint64_t> size_max;
    std::optional<std::uint64_t> ttl;
    std::optional<std::uint64_t> timeout;  // seconds
    std::optional<bool> wait;
    std::optional<bool> in_line;  // "inline"
};

enum class Field : unsigned {
    rel_endpoint,
    hash,
    content,
    folder,
    after,
    name,
    match,
    extensions,
    meta_data,
    hosts,
    range,
    limit,
    size,
    size_min,
    size_max,
    ttl,
    timeout,
    wait,
    in_line,
};
std::string_view field_name(Field field);
constexpr unsigned bit(Field field) { return 1U << static_cast<unsigned>(field); }

struct Request {
    std::string id;  // as JSON, to be said again; empty when there is none
    std::string type;
    std::uint64_t content_length{0};  // raw bytes behind the line
    bool has_content{false};          // content_length was given, perhaps as 0
    Body body;
    unsigned fields{0};  // bits of those that the body holds
};

// What could be understood. `length_known`: however wrong the rest is, it is sure how many bytes
// of content follow, so the connection can go on.
struct Decoded {
    Request request;
    Code code{Code::ok};
    std::string why;  // when not ok
    bool length_known{true};
};
Decoded decode_request(std::string_view line);

// Strict: alphabet, padding, no blanks; nullopt for all else.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace shoal::gateway::json
