// Plan: who holds what of one content, and how fast they say they are, asked before anything is
// fetched. Requester's thread.
#pragma once

#include <cstdint>
#include <map>

#include "peer/engine.hpp"

namespace shoal::peer {

class Plan {
  public:
    // Asks every host that can be asked now.
    Plan(Engine& engine, const integrity::FileId& id);
    ~Plan();
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    // Everybody has answered, and what an earlier run left here is looked through.
    [[nodiscard]] bool told() const { return open_ == 0 && !engine_.wiring.catalog->is_proving(); }
    [[nodiscard]] FetchPlan report() const;

  private:
    struct Host {
        std::string name;
        std::uint64_t subscription{};
        bool holder{false};
        Bitmap holds;
        std::uint64_t rate{};
    };
    void ask(ServerLink& link);
    void handle_holding(SourceId host, const Reply& reply);
    void handle_status(SourceId host, const Reply& reply);
    [[nodiscard]] Bitmap here() const;
    [[nodiscard]] std::optional<Duration> expected(const FetchPlan& plan) const;

    Engine& engine_;
    integrity::FileId id_;
    integrity::Geometry geometry_;
    std::map<SourceId, Host> hosts_;
    std::size_t open_{0};  // questions without an answer
};

}  // namespace shoal::peer
