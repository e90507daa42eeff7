// SearchNet: hosts in virtual time that run the very SearchRouter and RingPlan of the program, on
// a random graph. Messages cost latency only. All is drawn from one seed.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <set>
#include <unordered_map>
#include <vector>

#include "shoal/base/random.hpp"
#include "shoal/overlay/ring_plan.hpp"
#include "shoal/overlay/search_router.hpp"

namespace shoal::sim {

struct NetSpec {
    std::size_t hosts{1000};
    std::size_t degree{6};
    std::uint64_t seed{1};
    Duration latency_min{std::chrono::milliseconds(5)};
    Duration latency_max{std::chrono::milliseconds(50)};
};

struct Death {
    std::size_t host{};
    Duration at{};  // since the search began
};

struct SearchOutcome {
    std::multiset<std::size_t> holders;  // whose hits arrived, as often as they did
    Duration first_hit{0};
    Duration elapsed{0};
    overlay::Counts price;            // as the origin was told
    std::vector<std::uint8_t> rings;  // the TTL of each
    std::uint64_t searches{0};        // messages that were really sent
    std::uint64_t hits{0};
    std::uint64_t answers{0};
    std::uint64_t handled{0};  // hosts that held it against their files, ring by ring
};

class SearchNet {
  public:
    explicit SearchNet(const NetSpec& spec);

    // From now on these hosts have the file.
    void set_holders(const std::set<std::size_t>& holders);
    SearchOutcome search(std::size_t origin, const overlay::RingPlan::Options& options,
                         const std::vector<Death>& deaths = {});
    // All are alive again.
    void revive();

    // Living hosts within so many hops of a living host, itself excepted.
    [[nodiscard]] std::set<std::size_t> within(std::size_t origin, unsigned hops) const;
    // What plain flooding would send: each host to all its neighbours but the one it came from.
    [[nodiscard]] std::uint64_t plain_flood(std::size_t origin, unsigned ttl) const;
    [[nodiscard]] std::size_t memory() const;

  private:
    struct Host {
        overlay::SearchRouter router;
        std::vector<std::size_t> neighbours;
        std::vector<TimePoint> busy_until;  // the way to each of them
        bool alive{true};
        bool holds{false};
        std::unordered_map<overlay::SearchId, std::vector<std::size_t>> passed;  // holders
    };
    enum class Kind { search, hits, done, death, gone };
    struct Event {
        TimePoint at;
        std::uint64_t order{};
        Kind kind{};
        std::size_t from{};
        std::size_t to{};
        overlay::Route route{};    // search; its id for all
        std::size_t holder{};      // hits
        overlay::Counts counts{};  // done
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    void connect_all();
    void connect(std::size_t a, std::size_t b);
    void post(Event event, Duration delay);
    void send(Event event);  // behind what went that way before, as TCP does
    void handle(const Event& event);
    void handle_search(const Event& event);
    void take_hits(std::size_t at, std::optional<std::size_t> from, const overlay::SearchId& id,
                   std::size_t holder);
    void send_hits(std::size_t from, std::size_t to, const overlay::SearchId& id,
                   std::size_t holder);
    void pump(std::size_t host);
    void die(std::size_t host);
    void tell_gone(std::size_t host);

    NetSpec spec_;
    SmallRandom random_;
    std::vector<Host> hosts_;
    std::priority_queue<Event> events_;
    TimePoint now_{std::chrono::hours(1)};
    std::uint64_t next_order_{0};
    std::uint64_t next_id_{1};

    // Of the search under way.
    std::size_t origin_{0};
    TimePoint began_{};
    overlay::RingPlan* plan_{nullptr};
    overlay::SearchId ring_;
    SearchOutcome outcome_;
};

}  // namespace shoal::sim
