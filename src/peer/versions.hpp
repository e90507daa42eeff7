// Versions: the contents under one name as orders know them, and in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "shoal/integrity/digest.hpp"
#include "shoal/peer/peer_api.hpp"
#include "shoal/swarm/version_vote.hpp"

namespace shoal::peer {

inline swarm::ContentKey key_of(const integrity::FileId& id) { return {id.size, id.root.bytes}; }
inline integrity::FileId id_of(const swarm::ContentKey& key) { return {key.size, {key.root}}; }

// "2 of 3 hosts hold 0e0e6484 (21 MiB), 1 holds c5613aee (20 MiB): get notes.bin@c5613aee": which
// one was taken, and how to get the others. Names are not escaped.
std::string vote_text(const std::string& name, const VersionInfo& taken,
                      const std::vector<VersionInfo>& others);
// "1 holds 0e0e6484 (21 MiB), 1 holds c5613aee (20 MiB): get d/f@0e0e6484, get d/f@c5613aee".
std::string choices_text(const std::string& name, const std::vector<VersionInfo>& versions);

}  // namespace shoal::peer
