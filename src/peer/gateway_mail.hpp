// What gateways ask of the requester.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "shoal/peer/gateway_api.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

struct BrowseFolder {
    std::string prefix;  // "" or "a/b/"
    Callback<FolderViewPtr> callback;
};
struct LookUp {
    store::SafePath name;
    bool hashed{};  // as LookupOrder
    Callback<TreeEntry> callback;
};
struct OpenStream {
    store::SafePath name;
    std::string root_prefix;  // lower case
    std::uint64_t offset{};
    std::function<void()> news;
    Callback<ReadStreamPtr> callback;
    unsigned tries{0};
};
struct ReaderLeft {};  // one of the streams was dropped
using GatewayMail = std::variant<BrowseFolder, LookUp, OpenStream, ReaderLeft>;

}  // namespace shoal::peer
