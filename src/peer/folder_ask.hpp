// FolderAsk: asks every connected server what stands directly in a folder. Listings go through
// all that is below, in order; what is below a subfolder is passed over by the cursor of the next
// page. Requester's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "peer/listing_walk.hpp"
#include "peer/servers.hpp"

namespace shoal::peer {

// What other hosts have under one name.
struct RemoteChild {
    struct Version {
        std::uint32_t complete{0};  // hosts
        std::int64_t mtime{0};      // the oldest that one of them tells
    };
    std::map<integrity::FileId, Version> versions;  // that somebody holds complete
    bool folder{false};
};
using RemoteChildren = std::map<std::string, RemoteChild>;

class FolderAsk {
  public:
    FolderAsk(Servers& servers, std::string prefix, TimePoint now)
        : servers_(servers), prefix_(std::move(prefix)), began_at_(now) {}
    ~FolderAsk() { servers_.forget(this); }
    FolderAsk(const FolderAsk&) = delete;
    FolderAsk& operator=(const FolderAsk&) = delete;

    void ask(ServerLink& link);
    // Everybody who was asked has told all, refused or gone.
    [[nodiscard]] bool done() const { return asking_.empty(); }
    // The first of them did at that time.
    [[nodiscard]] std::optional<TimePoint> first_done_at() const { return first_done_at_; }
    [[nodiscard]] TimePoint began_at() const { return began_at_; }
    [[nodiscard]] std::uint32_t answered() const { return answered_; }
    [[nodiscard]] bool truncated() const { return truncated_; }
    [[nodiscard]] std::shared_ptr<const RemoteChildren> children() const { return children_; }

  private:
    void ask_page(ServerLink& link, const ListingWalk& walk);
    void handle_page(ServerLink& link, const Reply& reply, TimePoint now);
    void take(const protocol::ListingRecord& record);
    void settle(const ServerLink& link, bool told, TimePoint now);

    Servers& servers_;
    std::string prefix_;
    TimePoint began_at_;
    std::map<SourceId, ListingWalk> asking_;
    std::optional<TimePoint> first_done_at_;
    std::uint32_t answered_{0};
    bool truncated_{false};
    std::shared_ptr<RemoteChildren> children_{std::make_shared<RemoteChildren>()};
};

}  // namespace shoal::peer
