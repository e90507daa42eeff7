// SwarmSim: peers in virtual time that run the very Download and UploadQueue of the program.
//
// A peer has an uplink, a downlink and a latency. A server begins one answer a client, taken
// from its UploadQueue, and sends the begun ones in turns of a few leaves; bytes pass the
// sender's uplink, then the receiver's downlink. HAVEs and requests cost latency only.
// Everything is drawn from one seed, so a run can be repeated exactly.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "shoal/base/random.hpp"
#include "shoal/swarm/download.hpp"
#include "shoal/swarm/upload_queue.hpp"

namespace shoal::sim {

inline constexpr double mbit = 1e6 / 8;  // bytes a second

inline Duration span_of(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

struct Stall {
    Duration at;
    Duration lasts;
};

struct PeerSpec {
    double up{100 * mbit};  // bytes a second
    double down{100 * mbit};
    Duration latency{std::chrono::microseconds(200)};  // its part of a way
    double holds{0};                                   // part of the chunks at the start; 1: a seed
    double lies{0};                                    // part of the leaves it sends that are bad
    Duration joins{0};
    std::optional<Duration> dies{};
    bool dies_silently{false};     // no FIN reaches anybody
    std::optional<Stall> stall{};  // stopped, later continued
};

struct SwarmSpec {
    std::uint64_t seed{1};
    std::uint64_t leaf_count{4096};
    std::uint32_t leaves_per_chunk{4};
    std::vector<PeerSpec> peers;
    double losses_per_s{0};         // broken connections, in the whole swarm
    bool leaf_hashes{false};        // disputes are settled by them
    std::size_t neighbours{0};      // connections dialled by each peer; 0: to everybody
    std::uint32_t check_period{0};  // inputs between two checks of the books; 0: none
    Duration limit{std::chrono::seconds(600)};
};

struct PeerOutcome {
    bool alive{true};
    bool complete{false};
    Duration finished{0};  // since its joining
    std::uint64_t sent_leaves{0};
    std::uint64_t duplicates{0};
    std::set<std::size_t> dropped;                // the sources that it named bad
    std::vector<std::uint32_t> missing_but_held;  // by a living honest neighbour
};

class SwarmSim {
  public:
    explicit SwarmSim(SwarmSpec spec);
    ~SwarmSim();

    // Until all living peers are complete, or the limit.
    std::vector<PeerOutcome> run();

  private:
    struct Answer {  // begun
        std::size_t client;
        std::uint64_t epoch;
        swarm::UploadQueue::Item item;
        std::uint32_t sent;
    };
    struct Peer {
        PeerSpec spec;
        std::unique_ptr<swarm::Download> download;
        swarm::UploadQueue queue;
        std::list<Answer> begun;
        bool joined{false};
        bool alive{true};
        bool sending{false};
        TimePoint stopped_until{};
        TimePoint down_free{};
        std::optional<TimePoint> timer;
        std::uint64_t inputs{0};
        std::vector<bool> bad_leaf;
        PeerOutcome outcome;
        TimePoint finished_at{};
    };
    using Work = std::function<void()>;
    struct Event {
        TimePoint at;
        std::uint64_t order;
        Work work;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    void at(TimePoint when, Work work);
    void on(std::size_t peer, TimePoint when, Work work);  // waits while the peer is stopped
    void deliver(std::size_t from, std::size_t to, Work work);
    std::uint64_t& epoch(std::size_t a, std::size_t b);
    bool up(std::size_t a, std::size_t b);

    void join(std::size_t peer);
    void connect(std::size_t a, std::size_t b);
    void subscribe(std::size_t client, std::size_t server);
    void disconnect(std::size_t a, std::size_t b);
    void lose_one();
    void die(std::size_t peer);

    void drive(std::size_t client);
    void act(std::size_t client, const swarm::Action& action);
    void receive_request(std::size_t server, std::size_t client, const swarm::Ask& ask);
    void receive_cancel(std::size_t server, std::size_t client, std::uint64_t request);
    void serve(std::size_t server);
    void sent(std::size_t server, std::size_t client, std::uint64_t at_epoch, LeafRun part,
              std::uint64_t request, bool whole);
    void receive(std::size_t client, std::size_t server, LeafRun part, std::uint64_t request,
                 bool whole);
    void judge(std::size_t client, ChunkIndex chunk);
    void settle(std::size_t client, ChunkIndex chunk);
    void announce(std::size_t peer, ChunkIndex chunk);

    [[nodiscard]] bool holds(std::size_t peer, ChunkIndex chunk) const;
    PeerOutcome outcome_of(std::size_t peer);

    SwarmSpec spec_;
    swarm::Shape shape_;
    SmallRandom random_;
    TimePoint start_{std::chrono::seconds(1)};
    TimePoint now_{start_};
    std::uint64_t next_order_{0};
    std::priority_queue<Event> events_;
    std::vector<Peer> peers_;
    std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> epochs_;  // odd: connected
    std::vector<std::vector<std::size_t>> friends_;
    std::size_t unfinished_{0};
};

}  // namespace shoal::sim
