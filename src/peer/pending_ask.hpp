// PendingAsk: files whose root is not known yet where they are: asks the hosts that list them, many
// names at a time, until they know, and the vote says which content is meant. What is asked for is
// hashed first there. Requester's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/servers.hpp"
#include "shoal/swarm/version_vote.hpp"

namespace shoal::peer {

// What a host has said while it does not know a file's root yet.
struct Interim {
    std::string host;
    std::string name;
    std::uint64_t size{};
    std::uint64_t hashed{};
    bool being_written{};
    bool said{false};  // nothing so far, unless set
};
// Whether a host gets on with hashing a file. Less than disks do is no progress, or a host could
// hold up an order for ever; nor is it that a file is still being written.
class HashPace {
  public:
    static constexpr std::uint64_t least_per_second = 1 * limits::MiB;
    // What it says is progress; the first word of it is.
    bool moves(const Interim& news, TimePoint now);

  private:
    std::uint64_t hashed_{0};
    std::optional<TimePoint> since_;  // it has hashed so much
};
// "127.0.0.3:8080 still hashes a.bin (34 %)", "127.0.0.3:8080: a.bin is being written there".
std::string text_of(const Interim& interim);
Interim interim_of(const ServerLink& link, const std::string& name, const Reply& reply);

class PendingAsk {
  public:
    // `settled` is told of each name once; it may be one that nobody has any more.
    using Settled =
        std::function<void(const std::string& name, const swarm::VersionVote::Outcome& outcome)>;
    PendingAsk(Servers& servers, Settled settled)
        : servers_(servers), settled_(std::move(settled)) {}
    ~PendingAsk() { servers_.forget(this); }
    PendingAsk(const PendingAsk&) = delete;
    PendingAsk& operator=(const PendingAsk&) = delete;

    void add(std::string name, const std::vector<SourceId>& hosts);
    // A host is there again; what it did not tell on its last link is asked anew.
    void handle_link(ServerLink& link);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

    [[nodiscard]] bool done() const { return queue_.empty() && open_.empty(); }
    // When a host has last said that it goes on.
    [[nodiscard]] TimePoint progressed_at() const { return progressed_at_; }
    // Why it is not done.
    [[nodiscard]] std::string why() const;

  private:
    struct Question {
        bool answered{false};
        std::optional<TimePoint> again_at;  // it was busy
        bool lost{false};
        std::string why;  // it did not tell, last time
        HashPace pace{};
        Interim interim;
    };
    struct Name {
        swarm::VersionVote vote;
        std::map<SourceId, Question> questions;
        std::optional<TimePoint> look_again_at;
        bool touched{true};
    };
    struct Waiting {
        std::string name;
        std::vector<SourceId> hosts;
    };
    using Names = std::map<std::string, Name>;
    void begin(Waiting waiting, TimePoint now);
    void ask(ServerLink& link, const std::string& name, Name& open);
    void handle_answer(const std::string& name, ServerLink& link, const Reply& reply,
                       TimePoint now);
    void ask_again(const std::string& name, Name& open, TimePoint now);
    void look_at_open(TimePoint now);
    bool look_decided(const std::string& name, Name& open, TimePoint now);

    Servers& servers_;
    Settled settled_;
    std::deque<Waiting> queue_;
    Names open_;
    std::map<SourceId, std::size_t> asked_;  // questions under way
    bool touched_{false};                    // some open name is
    std::optional<TimePoint> next_;
    TimePoint progressed_at_{};
};

}  // namespace shoal::peer
