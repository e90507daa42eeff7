// OwnSearch: one order "search": waits for hosts to ask, begins ring after ring, and gathers
// what comes by content. Requester's thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peer/engine.hpp"
#include "peer/file_scans.hpp"
#include "shoal/overlay/question.hpp"
#include "shoal/overlay/ring_plan.hpp"
#include "shoal/overlay/ways.hpp"
#include "shoal/protocol/search.hpp"

namespace shoal::peer {

// What the matcher takes of a message.
overlay::Question question_of(const protocol::Search& search);

class OwnSearch {
  public:
    OwnSearch(Engine& engine, SearchCommand command, TimePoint now);

    // The ring to begin now, if any; call again after it has begun.
    std::optional<overlay::Route> drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void handle_link(const ServerLink& link);
    void handle_hits(const ServerLink& from, const protocol::Hits& hits);
    void handle_done(const overlay::SearchId& id, const overlay::Counts& counts);
    // SearchOrder::own: this host's own files are to be held against it, under that id.
    [[nodiscard]] const overlay::Matcher* begin_scan(const overlay::SearchId& id);
    [[nodiscard]] bool scans(const overlay::SearchId& id) const { return scan_ == id; }
    void handle_scanned(const FileScans::Finished& scanned, TimePoint now);
    void cancel(TimePoint now);
    void silence() { command_.sink = nullptr; }

    // The ids of its rings; the last one is the one that is under way.
    [[nodiscard]] const std::vector<overlay::SearchId>& ids() const { return ids_; }
    [[nodiscard]] bool owns(const overlay::SearchId& id) const;
    // The message without its route.
    [[nodiscard]] const protocol::Search& question() const { return question_; }
    // When what the scan has not told by then does not count.
    [[nodiscard]] TimePoint deadline() const { return began_at_ + command_.question.wait; }
    [[nodiscard]] std::uint64_t order() const { return command_.order; }
    [[nodiscard]] const EventSink* sink() const { return command_.sink; }
    [[nodiscard]] bool over() const { return over_; }

  private:
    // A host that is still being dialled is waited for so long, once another can be asked.
    static constexpr Duration more_hosts_max{std::chrono::milliseconds(300)};

    struct Content {
        integrity::FileId id;
        std::string pending_name;  // pending: ids are the same for all of one size
        friend auto operator<=>(const Content&, const Content&) = default;
    };
    struct Holder {
        std::string name;
        HostAddress address;            // to dial
        std::vector<HostAddress> path;  // as its hits came: itself first
        std::uint64_t rate{};
        bool whole{false};
    };
    struct Found {
        std::map<HostKey, Holder> holders;
        std::string name_here;   // for SearchOrder::own only
        bool whole_here{false};  // likewise
        bool part_here{false};
    };
    struct Ending {
        std::optional<Outcome> problem;
        std::string text;
    };
    bool look_connected(TimePoint now);
    void add_hit(const protocol::Hit& hit, const HostKey& key, Holder holder);
    void draw_ways();
    void drop_outdated();
    [[nodiscard]] FoundFile row_of(const Content& content, const Found& found);
    [[nodiscard]] std::vector<FoundFile> rows();
    [[nodiscard]] FoundHost host_of(const HostKey& key, const Holder& holder);
    [[nodiscard]] std::string doubts() const;
    // At once, or when the own files have been looked through.
    void end(TimePoint now, std::optional<Outcome> problem, const std::string& text);
    void finish(TimePoint now, std::optional<Outcome> problem, const std::string& text);

    Engine& engine_;
    SearchCommand command_;
    TimePoint began_at_;
    std::optional<TimePoint> connected_at_;
    protocol::Search question_;
    std::optional<overlay::Matcher> matcher_;
    std::optional<overlay::RingPlan> plan_;
    TimePoint look_again_at_;
    std::vector<overlay::SearchId> ids_;
    std::map<Content, Found> found_;
    std::size_t hits_{0};
    std::size_t pending_hits_{0};  // of them
    overlay::Ways ways_;
    std::map<HostKey, HostAddress> neighbours_;
    bool truncated_{false};
    bool own_unsure_{false};                 // not all of this host's own files were looked at
    std::vector<Unreached> unreached_;       // when nobody could be asked
    std::string wrong_;                      // with the question
    std::optional<overlay::SearchId> scan_;  // under way
    std::optional<Ending> ending_;           // waits for it
    bool over_{false};
};

}  // namespace shoal::peer
