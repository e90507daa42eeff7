// FolderAsk: asks every connected server what stands directly in a folder, and enters in Told what
// each of them says, once all of it has come. Listings go through all that is below, in order;
// what is below a subfolder is passed over by the cursor of the next page. Requester's thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "peer/listing_walk.hpp"
#include "peer/servers.hpp"
#include "peer/told.hpp"

namespace shoal::peer {

class FolderAsk {
  public:
    FolderAsk(Servers& servers, Told& told, std::string prefix, TimePoint now)
        : servers_(servers),
          told_(told),
          prefix_(std::move(prefix)),
          began_at_(now),
          heard_at_(now) {}
    ~FolderAsk() { servers_.forget(this); }
    FolderAsk(const FolderAsk&) = delete;
    FolderAsk& operator=(const FolderAsk&) = delete;

    void ask(ServerLink& link);
    // Once more those that refused, or said they may have more than they told.
    void ask_again(TimePoint now);

    // Everybody who was asked has told all, refused or gone.
    [[nodiscard]] bool done() const { return asking_.empty(); }
    [[nodiscard]] bool has_more() const { return !unfinished_.empty(); }
    [[nodiscard]] TimePoint began_at() const { return began_at_; }  // or asked again
    [[nodiscard]] TimePoint heard_at() const { return heard_at_; }  // the last page
    [[nodiscard]] std::uint32_t answered() const {
        return static_cast<std::uint32_t>(heard_.size());
    }
    // The hosts that have told all that they know.
    [[nodiscard]] const std::set<std::string>& heard() const { return heard_; }

  private:
    struct SoFar {
        ListingWalk walk;
        ToldRows rows;
    };
    void ask_page(ServerLink& link, const ListingWalk& walk);
    void handle_page(ServerLink& link, const Reply& reply, TimePoint now);
    [[nodiscard]] bool take(ToldRows& rows, const protocol::ListingRecord& record) const;
    void finish(ServerLink& link, Told::Extent extent);

    Servers& servers_;
    Told& told_;
    std::string prefix_;
    TimePoint began_at_;
    TimePoint heard_at_;
    std::map<SourceId, SoFar> asking_;
    std::set<std::string> heard_;
    std::set<SourceId> unfinished_;  // have answered, and may have more
};

}  // namespace shoal::peer
