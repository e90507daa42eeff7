// Servers: the links of the requester, by SourceId: client_fd_list. Requester's thread.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "peer/server_link.hpp"

namespace shoal::peer {

class Servers {
  public:
    ServerLink& add(NewServer server, Wiring& wiring, TimePoint now) {
        const SourceId id{next_id_++};
        auto link = std::make_unique<ServerLink>(id, std::move(server), wiring, now);
        return *client_fd_list_.emplace(id, std::move(link)).first->second;
    }
    void remove(SourceId id) { client_fd_list_.erase(id); }

    [[nodiscard]] ServerLink* find(SourceId id) {
        const auto found = client_fd_list_.find(id);
        return found == client_fd_list_.end() ? nullptr : found->second.get();
    }
    // Null unless it can be asked now.
    [[nodiscard]] ServerLink* usable(SourceId id) {
        ServerLink* link = find(id);
        return link != nullptr && link->usable() ? link : nullptr;
    }
    [[nodiscard]] std::vector<ServerLink*> usable() {
        std::vector<ServerLink*> list;
        for (auto& [id, link] : client_fd_list_) {
            if (link->usable()) {
                list.push_back(link.get());
            }
        }
        return list;
    }
    [[nodiscard]] std::map<SourceId, std::unique_ptr<ServerLink>>& all() { return client_fd_list_; }
    void forget(const void* owner) {
        for (auto& [id, link] : client_fd_list_) {
            link->forget(owner);
        }
    }

  private:
    std::map<SourceId, std::unique_ptr<ServerLink>> client_fd_list_;
    std::uint32_t next_id_{1};
};

}  // namespace shoal::peer
