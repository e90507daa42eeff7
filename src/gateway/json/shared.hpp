// What all jobs of a gateway share. Constant after the start, but for what has locks of its own.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/json/events.hpp"
#include "gateway/json/file_cache.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::json {

struct Rights {
    std::vector<std::string> endings;  // such as ".txt"; "*" allows all
    bool write{false};

    // ASCII letters count alike, large or small.
    [[nodiscard]] bool allows(std::string_view name) const;
};

// SHA-256 of contents that were read for it once. A root says what was read, so nothing in here
// ever goes stale.
class KnownHashes {
  public:
    std::optional<std::string> find(const std::string& root) const;
    void put(const std::string& root, const std::string& sha256);

  private:
    Guarded<std::map<std::string, std::string>> hashes_;
};

struct Shared {
    Rights rights;
    peer::GatewayApi* api{};
    EventRouter events;
    FileCache files;
    KnownHashes hashes;
};

}  // namespace shoal::gateway::json
