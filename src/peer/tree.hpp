// Tree: the folders of the swarm as gateways list them: what hosts tell of a folder, what those
// told before who are silent or away, and what this host has. Nobody is told that something is
// not there before all who may have it have been heard: what a connected host told before shows
// what there is, and never that there is nothing else. Who waits too long is told whom for.
// Requester's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peer/doubts.hpp"
#include "peer/engine.hpp"
#include "peer/folder_ask.hpp"
#include "peer/tree_merge.hpp"

namespace shoal::peer {

class Tree {
  public:
    Tree(Engine& engine, Told& told) : engine_(engine), told_(told) {}

    void browse(BrowseFolder order, TimePoint now);
    void handle_link(ServerLink& link);
    void handle_name_settled(const std::string& name);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void give_up(const Error& error);

  private:
    struct Waiting {
        Callback<FolderViewPtr> callback;
        TimePoint since;
    };
    struct Folder {
        std::vector<Waiting> waiting;
        bool looked_on_disk{false};  // for a folder that this host does not know
        std::unique_ptr<FolderAsk> asking;
        std::shared_ptr<const RemoteChildren> remote;  // null: not known
        std::uint32_t hosts{0};
        std::set<std::string> heard;  // hosts that have told all when it was asked for last
        bool truncated{false};
        TimePoint look_at{};  // while it is asked for: not before
        TimePoint good_until{};
        TimePoint used_at{};
        FolderViewPtr view;
        std::uint64_t generation{0};  // of the catalog, when the view was made
    };
    using Folders = std::map<std::string, Folder>;
    using ToldBy = std::vector<Told::Folder>;  // what each host told of one folder

    void begin(const std::string& prefix, Folder& folder, TimePoint now);
    void go_on(const std::string& prefix, Folder& folder, TimePoint now);
    [[nodiscard]] Doubts doubts(const std::string& prefix, const Folder& folder,
                                const ToldBy& hosts) const;
    [[nodiscard]] static TimePoint last_chance(const Folder& folder);
    void keep(Folder& folder, const ToldBy& told, TimePoint now);
    void answer(const std::string& prefix, Folder& folder, const Doubts& doubts);
    void tell(const std::string& prefix, Folder& folder, const FolderViewPtr& view);
    void forget_old(TimePoint now);

    Engine& engine_;
    Told& told_;
    Folders folders_;  // by prefix
    std::size_t asking_{0};
};

}  // namespace shoal::peer
