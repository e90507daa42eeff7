// Streams: what gateways read of the swarm: finds out what a name means, then lets readers of
// one content share its fetch. Requester's thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "peer/stream_fetch.hpp"

namespace shoal::peer {

// Lookups under way; one for each name, however many ask.
class Lookups {
  public:
    Lookups(Engine& engine, Told& told) : engine_(engine), told_(told) {}

    void find(const LookupOrder& order, Understood understood, TimePoint now);
    void handle_link(ServerLink& link, TimePoint now);
    void handle_link_lost(ServerLink& link);
    void handle_name_settled(const std::string& name);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void give_up(const Error& error);

  private:
    Engine& engine_;
    Told& told_;
    std::vector<std::unique_ptr<Lookup>> lookups_;
};

class Streams {
  public:
    Streams(Engine& engine, Lookups& lookups) : engine_(engine), lookups_(lookups) {}

    void open(OpenStream order, TimePoint now);
    void handle_name_settled(const std::string& name, TimePoint now);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void give_up(const Error& error);

  private:
    void begin(OpenStream order, const Meaning& meaning);
    bool open_here(OpenStream& order, const Meaning& meaning);
    void open_again(OpenStream order, std::string name);
    bool grant_room();

    Engine& engine_;
    Lookups& lookups_;
    std::vector<OpenStream> changed_;  // wait until what is here is hashed again
    std::vector<std::unique_ptr<StreamFetch>> fetches_;
};

}  // namespace shoal::peer
