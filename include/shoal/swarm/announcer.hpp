// Announcer: which subscriber of a file is told when of the chunks that this host has come to hold.
// Pure; one for each file.
//
// The first news goes to everybody at once. Later news rides along with the data that a subscriber
// is sent (take): in a crowd, where each is sent something often, that costs no packet. What has
// had no such occasion goes by itself after a gap (poll): a message for each chunk and subscriber
// would cost a crowd a good part of its processors. The gap is shorter when little is missing here:
// then others have few chunks left to choose from as well.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "shoal/base/ids.hpp"
#include "shoal/base/time.hpp"
#include "shoal/swarm/client_key.hpp"

namespace shoal::swarm {

struct ChunkSpan {
    ChunkIndex first;
    std::uint32_t count{};

    friend bool operator==(const ChunkSpan&, const ChunkSpan&) = default;
};

// A client, and what it calls its subscription: it may have several.
struct Subscriber {
    ClientKey client;
    std::uint64_t subscription{};

    friend auto operator<=>(const Subscriber&, const Subscriber&) = default;
};

class Announcer {
  public:
    struct Notice {
        Subscriber to;
        std::vector<ChunkSpan> chunks;  // not empty
    };

    // For each subscriber ...
    static constexpr Duration gap{std::chrono::milliseconds(8)};
    static constexpr Duration gap_at_the_end{std::chrono::milliseconds(2)};
    // ... and for all of them: in a crowd of hundreds news passes through many hands.
    static constexpr Duration gap_max{std::chrono::milliseconds(200)};

    void subscribe(Subscriber subscriber) { lanes_.try_emplace(subscriber); }
    void unsubscribe(Subscriber subscriber) { lanes_.erase(subscriber); }
    void forget(ClientKey client);
    [[nodiscard]] std::vector<Subscriber> subscribers() const;
    [[nodiscard]] std::size_t count() const { return lanes_.size(); }

    void handle_have(ChunkSpan chunks);
    // Of a file of which so many chunks are held, little is missing.
    static bool ends(std::uint64_t held, std::uint64_t chunks) { return held * 8 > chunks * 7; }

    // What to tell a client that is being sent something anyway.
    std::vector<Notice> take(ClientKey client, TimePoint now);
    // Whom to tell now, and what. `ending`: little is missing.
    std::vector<Notice> poll(bool ending, TimePoint now);
    // No later than poll() has something to say.
    [[nodiscard]] std::optional<TimePoint> next_timeout() const { return due_; }

  private:
    struct Lane {
        std::vector<ChunkSpan> news;
        std::optional<TimePoint> told_at;
    };
    static void hand_over(Subscriber to, Lane& lane, TimePoint now, std::vector<Notice>& notices);
    [[nodiscard]] Duration gap_now() const;
    [[nodiscard]] TimePoint due(const Lane& lane) const;
    void look_for_due();

    std::map<Subscriber, Lane> lanes_;
    bool ending_{false};
    std::optional<TimePoint> due_;
};

}  // namespace shoal::swarm
