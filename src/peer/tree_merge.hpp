// What others told of a folder, and what this host has, as one list. Pure but for the catalog.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/offers.hpp"
#include "peer/told.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::peer {

// What other hosts have under one name.
struct RemoteChild {
    struct Version {
        std::uint32_t complete{0};  // hosts that can be asked
        std::uint32_t away{0};      // that are lost for now
        std::int64_t mtime{0};      // the oldest that one of them tells

        void add(std::int64_t told_mtime, bool is_away) {
            mtime = complete + away == 0 ? told_mtime : std::min(mtime, told_mtime);
            ++(is_away ? away : complete);
        }
    };
    struct Pending {
        std::uint64_t size{0};
        std::int64_t mtime{0};
    };
    std::map<integrity::FileId, Version> versions;  // that somebody holds complete
    std::optional<Pending> pending;                 // somebody has yet to hash it
    bool folder{false};
    std::int64_t below{0};  // the newest time that was told of what is in the folder; 0: none
};
using RemoteChildren = std::map<std::string, RemoteChild>;
// The one that counts, or the end: what most hosts hold that can be asked, else what most told that
// are away; of equals the newest, then the lowest root.
using RemoteVersions = std::map<integrity::FileId, RemoteChild::Version>;
RemoteVersions::const_iterator best_version(const RemoteVersions& versions);

// When a folder was changed: what the disk shows of one in shared/, else the newest time that is
// known of what is in it, fetched or told. 0: not known.
std::optional<std::int64_t> folder_time(std::int64_t own, std::int64_t fetched, std::int64_t told);

RemoteChildren merge_told(const std::vector<Told::Folder>& told);

// One entry for each name of the folder: a file or folder of shared/; else the version that most
// hosts hold, of equals the newest, then the lowest root; else what hosts told that are away; else
// what nobody has hashed yet. `prefix` is "" or "a/b/"; `remote` what the others told.
FolderView merge_folder(const Offers& offers, const std::string& prefix,
                        const RemoteChildren& remote);

}  // namespace shoal::peer
