// Tree: the folders of the swarm as gateways list them: what hosts have told of a folder is kept
// for moments, and what this host has is put to it. Requester's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer/engine.hpp"
#include "peer/folder_ask.hpp"

namespace shoal::peer {

// One entry for each name of the folder: a file or folder of shared/; else the version that most
// hosts hold, of equals the newest, then the lowest root; else what a gateway once fetched.
// `prefix` is "" or "a/b/"; `remote` what the others told.
FolderView merge_folder(const store::Catalog& catalog, Guarded<CacheBook>& cache,
                        const std::string& prefix, const RemoteChildren& remote);

class Tree {
  public:
    explicit Tree(Engine& engine) : engine_(engine) {}

    void browse(BrowseFolder order, TimePoint now);
    void handle_link(ServerLink& link);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void give_up(const Error& error);

  private:
    struct Folder {
        std::vector<Callback<FolderViewPtr>> waiting;
        std::unique_ptr<FolderAsk> asking;
        std::shared_ptr<const RemoteChildren> remote;  // null: not known
        std::uint32_t hosts{0};
        bool truncated{false};
        TimePoint good_until{};
        TimePoint used_at{};
        FolderViewPtr view;
        std::uint64_t generation{0};  // of the catalog, when the view was made
    };
    using Folders = std::map<std::string, Folder>;

    void begin(const std::string& prefix, Folder& folder, TimePoint now);
    [[nodiscard]] TimePoint due(const Folder& folder) const;
    void keep(Folder& folder, TimePoint now);
    void answer(const std::string& prefix, Folder& folder);
    void forget_old(TimePoint now);

    Engine& engine_;
    Folders folders_;  // by prefix
    std::size_t asking_{0};
};

}  // namespace shoal::peer
