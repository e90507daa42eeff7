// The JSON gateway: requests of programs that know the secret, answered through the peer's door.
// docs/json-api.md is its protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shoal/peer/service.hpp"

namespace shoal::gateway::json {

struct GatewayOptions {
    std::string bind;  // numeric address; empty: all
    std::uint16_t port{};
    unsigned threads{4};
    std::vector<std::string> endings{".txt"};  // names that may be asked for; "*": all
    bool write{false};                         // PUSH, DELETE and FETCH are allowed
    std::string secret_file;                   // empty: open, which only a loopback address may be
    std::uint32_t clients_max{400};
    std::uint32_t clients_per_address_max{64};
};

std::unique_ptr<peer::Service> make_gateway(GatewayOptions options);

}  // namespace shoal::gateway::json
