// Source: what a Download knows of one host; SourceBook: all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/swarm/download.hpp"
#include "swarm/pace.hpp"

namespace shoal::swarm {

struct Request {
    AskId id;
    LeafRun run;
    LeafIndex next;  // leaves before it have arrived
    TimePoint asked_at;
    bool doubled{false};      // shares leaves with a request to another source
    bool substituted{false};  // the source chose the run

    [[nodiscard]] std::uint64_t owed() const { return run.end().value - next.value; }
    [[nodiscard]] bool covers(LeafIndex leaf) const { return leaf >= next && leaf < run.end(); }
};

inline constexpr Duration stall_rest_most = std::chrono::seconds(8);

struct Source {
    Source(SourceId source, std::uint32_t leaf_bytes) : id(source), pace(leaf_bytes) {}

    SourceId id;
    Pace pace;

    bool holds_all{false};
    Bitmap chunks;           // unless holds_all
    std::uint32_t fresh{0};  // how many of them are fresh, and not held here
    std::uint32_t useful{0};

    std::vector<Request> live;  // oldest first
    std::vector<Request> late;  // cancelled, may still arrive; bounded
    std::uint64_t owed{0};      // leaves, of live
    LeafIndex last_run_end{};

    double share_bytes{0};       // its part of what is asked for in all
    std::uint32_t window{1};     // ask more while it owes fewer leaves than this
    std::uint32_t run{1};        // leaves of the next ask
    bool chunk_by_chunk{false};  // refused a run of several: it may hold some of them
    bool suspect{false};         // sent a part of a bad chunk; works alone until proven
    bool closing{false};         // nothing more is asked of it
    bool substitutes{true};      // it may choose other chunks: they have been of use so far
    bool eager{false};           // in the queue of those that may have room

    std::uint32_t refusals{0};  // "not held" since a run arrived whole
    bool stalled{false};
    Duration rest{0};  // length of the last one; 0 after a run that arrived whole
    std::optional<TimePoint> rests_until;

    [[nodiscard]] bool holds(ChunkIndex chunk) const {
        return holds_all || chunks.test(chunk.value);
    }
    Request* find(AskId ask);
    Request* find_late(AskId ask);
    void keep_late(const Request& request);
};

class SourceBook {
  public:
    explicit SourceBook(std::uint32_t leaf_bytes)
        : leaf_bytes_(leaf_bytes), together_(leaf_bytes) {}

    Source& add(SourceId id);
    void remove(SourceId id);
    [[nodiscard]] Source* find(SourceId id);
    [[nodiscard]] const Source* find(SourceId id) const;
    [[nodiscard]] std::vector<Source>& all() { return all_; }
    [[nodiscard]] const std::vector<Source>& all() const { return all_; }
    // Of all sources as if they were one: how fast this host's own link brings what is asked for.
    [[nodiscard]] Pace& together() { return together_; }
    [[nodiscard]] const Pace& together() const { return together_; }
    [[nodiscard]] std::uint64_t owed() const;  // leaves, by all
    // How many hold everything: they count in no chunk's rarity.
    [[nodiscard]] std::uint32_t complete_count() const { return complete_; }
    void set_holds_all(Source& source, bool all);

  private:
    std::uint32_t leaf_bytes_;
    Pace together_;
    std::vector<Source> all_;
    std::unordered_map<SourceId, std::size_t> place_;
    std::uint32_t complete_{0};
};

}  // namespace shoal::swarm
