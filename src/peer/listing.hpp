// Listing: asks every connected server for its files beneath a prefix, page by page, and
// gathers them by name and content. Requester's thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "peer/servers.hpp"

namespace shoal::peer {

class Listing {
  public:
    struct Holders {
        std::vector<SourceId> complete;
        std::vector<SourceId> partial;
    };
    using Versions = std::map<integrity::FileId, Holders>;

    // At most `names_max` names are kept, the first ones bytewise of each server.
    Listing(Servers& servers, std::string prefix, std::size_t names_max)
        : servers_(servers), prefix_(std::move(prefix)), names_max_(names_max) {}
    ~Listing() { servers_.forget(this); }
    Listing(const Listing&) = delete;
    Listing& operator=(const Listing&) = delete;

    void ask(ServerLink& link);
    // Everybody who was asked has told all, refused or gone.
    [[nodiscard]] bool done() const { return asking_.empty(); }
    [[nodiscard]] std::size_t answered() const { return answered_; }
    [[nodiscard]] bool truncated() const { return truncated_; }
    [[nodiscard]] std::map<std::string, Versions>& names() { return names_; }

  private:
    void ask_page(ServerLink& link, const std::string& cursor);
    void handle_page(ServerLink& link, const std::string& cursor, const Reply& reply);

    Servers& servers_;
    std::string prefix_;
    std::size_t names_max_;
    std::map<std::string, Versions> names_;
    std::set<SourceId> asking_;
    std::size_t answered_{0};
    bool truncated_{false};
};

}  // namespace shoal::peer
