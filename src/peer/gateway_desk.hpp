// GatewayDesk: what the requester does for gateways. Its thread.
#pragma once

#include "peer/streams.hpp"
#include "peer/told.hpp"
#include "peer/tree.hpp"

namespace shoal::peer {

class GatewayDesk {
  public:
    explicit GatewayDesk(Engine& engine)
        : engine_(engine),
          tree_(engine, told_),
          lookups_(engine, told_),
          streams_(engine, lookups_) {}

    void take(GatewayMail mail, TimePoint now);
    void handle_link(ServerLink& link, TimePoint now);
    void handle_link_lost(ServerLink& link, TimePoint now);
    void handle_hosts();  // the connector has spoken
    void handle_name_settled(const std::string& name, TimePoint now);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    // The peer is ending: everybody who waits is told.
    void stop();

  private:
    void look_up(LookUp order, TimePoint now);

    Engine& engine_;
    Told told_;
    Tree tree_;
    Lookups lookups_;
    Streams streams_;
};

}  // namespace shoal::peer
