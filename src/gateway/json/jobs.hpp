// The jobs of the request types; the dispatcher makes them. Private to the gateway.
#pragma once

#include "gateway/json/job.hpp"
#include "gateway/json/request.hpp"
#include "gateway/json/shared.hpp"

namespace shoal::gateway::json {

// What a request comes with.
struct Order {
    Request request;
    Shared& shared;
    Waker waker;
};

JobPtr make_get(Order&& order);
JobPtr make_cmp(Order&& order);
JobPtr make_push(Order&& order);
JobPtr make_delete(Order&& order);
JobPtr make_list(Order&& order);
JobPtr make_search(Order&& order);
JobPtr make_status(Order&& order);
JobPtr make_fetch(Order&& order);
JobPtr make_ping(Order&& order);

// A reply that is known already.
JobPtr make_answer(Resolution resolution);

// "size=…", "mtime=…", "root=…" of a file, as a JSON array.
std::string meta_data_of(const peer::TreeEntry& entry);

// What a client says of its own copy. Entries of other names are not looked at.
struct MetaData {
    std::optional<std::uint64_t> size;
    std::optional<std::int64_t> mtime;  // whole seconds since 1970
};
Result<MetaData> parse_meta_data(const std::vector<std::string>& entries);

// "root:HEX", "sha256:HEX", or 64 hex digits that may be either.
struct WantedHash {
    std::string digits;  // lower case
    bool maybe_root{true};
    bool maybe_sha256{true};
};
Result<WantedHash> parse_hash(const std::string& text);

}  // namespace shoal::gateway::json
