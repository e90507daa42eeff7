// SwarmSim: peers in virtual time that run the very Download and UploadQueue of the program.
//
// A peer has an uplink, a downlink and a latency. Each connection is a pipe: a kernel's send
// buffer, which the uplink empties a leaf a turn, and a congestion window that grows from ten
// segments. What has passed the sender's uplink waits at the receiver's downlink. Everything
// counts with its headers: data, requests, and HAVEs, which stand behind the data of their pipe.
// Everything is drawn from one seed, so a run can be repeated exactly.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "shoal/base/random.hpp"
#include "shoal/swarm/announcer.hpp"
#include "shoal/swarm/download.hpp"
#include "shoal/swarm/first_copies.hpp"
#include "shoal/swarm/upload_queue.hpp"

namespace shoal::sim {

inline constexpr double mbit = 1e6 / 8;  // bytes a second

// On the wire, with TCP/IP headers.
inline constexpr double leaf_wire_bytes = 16 * 1024 * 1514.0 / 1448;
inline constexpr double request_bytes = 512 + 66;
inline constexpr double have_along_bytes = 128;
inline constexpr double have_bytes = have_along_bytes + 66;

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
    swarm::UploadQueue::Config uploads{};
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
    std::uint64_t first_copies{0};  // of them, never sent before by this one
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
    using Work = std::function<void()>;
    struct Packet {
        double bytes;
        bool data;
        Work arrives;
    };
    enum class Side { client, server };
    struct Pipe {
        std::size_t to;
        std::uint64_t epoch{0};
        std::deque<Packet> packets;
        double buffered{0};   // bytes of data not sent
        double in_flight{0};  // sent, not acknowledged
        double window{14600};
        bool queued{false};  // in the uplink's round
    };
    using PipeKey = std::pair<std::size_t, Side>;
    struct Peer {
        PeerSpec spec;
        std::unique_ptr<swarm::Download> download;
        swarm::UploadQueue queue;
        std::optional<swarm::FirstCopies> copies;  // of a seed
        std::map<PipeKey, Pipe> pipes;             // from here, by receiver
        std::deque<PipeKey> round;                 // pipes that have something to send
        bool joined{false};
        bool alive{true};
        bool sending{false};
        TimePoint stopped_until{};
        TimePoint down_free{};
        std::optional<TimePoint> timer;
        std::optional<TimePoint> queue_timer;
        swarm::Announcer news;
        std::optional<TimePoint> news_timer;
        std::vector<bool> sent;  // leaves, ever
        std::uint64_t inputs{0};
        std::vector<bool> bad_leaf;
        PeerOutcome outcome;
        TimePoint finished_at{};
    };
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
    // `then` when it is wanted, unless `timer` stands for that or for sooner.
    void arm(std::size_t peer, std::optional<TimePoint> Peer::*timer,
             std::optional<TimePoint> wanted, TimePoint earliest,
             void (SwarmSim::*then)(std::size_t));
    // Through a pipe; lost when the connection ends first.
    void send(std::size_t from, std::size_t to, Side side, Packet packet);
    void send_message(std::size_t from, std::size_t to, Side side, double bytes, Work work);
    void feed_uplink(std::size_t peer);
    void pass(std::size_t from, PipeKey key, Packet packet);
    [[nodiscard]] double window_max(std::size_t from, std::size_t to) const;
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
    void begin(std::size_t server, const swarm::UploadQueue::Item& item);
    void receive(std::size_t client, std::size_t server, LeafRun part, std::uint64_t request,
                 bool whole);
    void judge(std::size_t client, ChunkIndex chunk);
    void settle(std::size_t client, ChunkIndex chunk);
    void announce(std::size_t peer, ChunkIndex chunk);
    void tell(std::size_t index, const swarm::Announcer::Notice& notice, double bytes);
    void push_news(std::size_t peer);

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
