// ServerLink: one server as the requester sees it: its socket, the hello, what was asked of it
// and who waits for the answers. Owned by the requester's thread.
//
// Every question gets exactly one final answer; when the link is lost, everybody who waits is
// told. Answers to nobody are counted and thrown away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "peer/mail.hpp"
#include "shoal/base/bitmap.hpp"
#include "shoal/base/byte_queue.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/ids.hpp"
#include "shoal/base/time.hpp"
#include "shoal/net/address.hpp"
#include "shoal/protocol/auth.hpp"
#include "shoal/protocol/frames.hpp"

namespace shoal::peer {

class ServerLink;

// Who gets file data. The token is the asker's own name for its request.
class DataSink {
  public:
    virtual ~DataSink() = default;
    // Bytes of a run, in order, from `offset` on; the spans do not outlive the call.
    virtual void handle_data(ServerLink& link, std::uint64_t token, LeafRun run,
                             std::uint32_t offset, std::span<const std::uint8_t> bytes, bool last,
                             TimePoint now) = 0;
    // The server sends another run than was asked for; its data follows.
    virtual void handle_substituted(ServerLink& link, std::uint64_t token, LeafRun given) = 0;
    // Instead of data, or (changed, io_error) right behind the last of it: then it is stale.
    virtual void handle_refusal(ServerLink& link, std::uint64_t token, protocol::Status why,
                                TimePoint now) = 0;
};

// Who gets the hits of searches, which are pushed.
class HitSink {
  public:
    virtual ~HitSink() = default;
    virtual void handle_hits(ServerLink& link, const protocol::serverMessage& message,
                             std::span<const std::uint8_t> payload) = 0;
};

// An answer; `message` is null when the link was lost first. Status pending is an interim one.
struct Reply {
    const protocol::serverMessage* message{};
    std::span<const std::uint8_t> payload;

    [[nodiscard]] bool lost() const { return message == nullptr; }
    [[nodiscard]] bool is(protocol::ServerType type) const {
        return message != nullptr && message->type == static_cast<std::uint16_t>(type);
    }
    [[nodiscard]] protocol::Status status() const {
        return static_cast<protocol::Status>(message->status);
    }
};
// Why a server gives no data, as people read it: "the file has changed there".
std::string refusal_text(protocol::Status why);
// Do you have this name?
protocol::clientMessage query_of(std::string_view name);
// The chunks that a `holding` names, of a file of so many; nullopt: it makes no sense.
std::optional<Bitmap> held_chunks(const Reply& holding, std::uint32_t chunks);

using Answered = std::function<void(ServerLink&, const Reply&, TimePoint)>;
using Grown = std::function<void(ServerLink&, ChunkIndex first, std::uint32_t count, TimePoint)>;

class ServerLink {
  public:
    enum class Phase { hello, proof, ready, closing, dead };
    // Of messages and their payloads but file data, in one turn: whoever sends nothing else holds
    // up neither the others nor the hashing.
    static constexpr std::size_t control_quantum = 64 * limits::KiB;

    ServerLink(SourceId id, NewServer server, Wiring& wiring, TimePoint now);

    const SourceId id;
    const net::Address address;
    const std::string host;  // as people read it
    const bool from_hosts_file;
    const std::string known_as;  // its line of hosts.txt, else its address: the same after a loss

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] bool usable() const { return phase_ == Phase::ready; }
    // The handshake is not over.
    [[nodiscard]] bool shaking() const { return phase_ == Phase::hello || phase_ == Phase::proof; }
    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] const NodeId& node() const { return node_; }
    [[nodiscard]] const std::string& why_dead() const { return why_dead_; }
    [[nodiscard]] DownReason why_down() const { return why_down_; }
    [[nodiscard]] bool was_refused() const { return why_down_ == DownReason::not_let_in; }
    // It is there, but it did not hear this host: no hello came, or it is full or about to end.
    [[nodiscard]] bool did_not_hear() const {
        return why_down_ == DownReason::silent || why_down_ == DownReason::full ||
               why_down_ == DownReason::closing;
    }
    // It has said that it is about to end.
    [[nodiscard]] bool has_ended() const { return has_ended_; }
    // The requester has taken it in, or the connector knows already what became of it.
    [[nodiscard]] bool was_up() const { return was_up_; }
    [[nodiscard]] bool verdict_given() const { return verdict_given_; }
    void set_up() { was_up_ = true; }
    void set_verdict_given() { verdict_given_ = true; }
    [[nodiscard]] std::optional<Duration> round_trip() const { return round_trip_; }
    [[nodiscard]] TimePoint since() const { return since_; }
    [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }
    // Of them, those since the last call of take_untold().
    [[nodiscard]] bool has_untold() const { return bytes_received_ != told_; }
    std::uint64_t take_untold() { return bytes_received_ - std::exchange(told_, bytes_received_); }
    [[nodiscard]] TimePoint heard_at() const { return heard_at_; }  // any byte
    // Data requests without a final answer.
    [[nodiscard]] std::size_t asked() const { return data_.size(); }

    // Questions. `owner` groups them for forget(). The returned id is the wire's.
    std::uint64_t ask(protocol::clientMessage question, const void* owner, Answered answered);
    // With `substitute` the server may send another run, of at most as many leaves.
    std::uint64_t request(const integrity::FileId& file, LeafRun run, bool substitute,
                          DataSink& sink, std::uint64_t token);
    void cancel(std::uint64_t id);
    // Like ask(), and `grown` is called for every `have` of it from then on; a count of 0 says
    // that the server has ended it, since the content is gone there.
    std::uint64_t subscribe(const integrity::FileId& file, const void* owner, Answered answered,
                            Grown grown);
    void unsubscribe(std::uint64_t id);
    void set_hit_sink(HitSink* sink) { hit_sink_ = sink; }
    // Nobody of that owner (or sink) is called again.
    void forget(const void* owner);

    // I/O, called by the requester. Each may end in Phase::dead.
    // Receives at most `budget` bytes; returns how many. However much has come, it handles no more
    // than control_quantum of messages: the rest waits for the next call.
    std::size_t receive(std::size_t budget, TimePoint now);
    // receive() has something to do, whether more comes or not.
    [[nodiscard]] bool input_waits() const { return input_waits_; }
    void flush(TimePoint now);
    [[nodiscard]] bool wants_to_send() const { return !outbox_.empty(); }
    // A hello is overdue. Who waits for more before it answers, as an HTTP server does, learns that
    // nothing follows, and may still say what it is.
    void ask_no_more();
    [[nodiscard]] bool asks_no_more() const { return asks_no_more_; }
    void die(const std::string& why, DownReason reason = DownReason::lost);
    // After die(): tells everybody who waits.
    void tell_lost(TimePoint now);

  private:
    struct Waiting {
        const void* owner{};
        Answered answered;
        Grown grown;  // subscriptions only
    };
    struct Data {
        DataSink* sink{};
        std::uint64_t token{};
        LeafRun run;
        bool substitute{false};
        integrity::FileId file;
    };
    bool handle_stale(const protocol::serverMessage& message, TimePoint now);
    void send(protocol::clientMessage& message);
    void handle_frames(TimePoint now);
    void handle_event(const protocol::ServerEvent& event, TimePoint now);
    void handle_hello(const protocol::ServerEvent& event, TimePoint now);
    void handle_proof(const protocol::ServerEvent& event);
    void handle_have(const protocol::ServerEvent& event, TimePoint now);
    void handle_head(const protocol::serverMessage& message);
    void handle_final(const protocol::ServerEvent& event, TimePoint now);
    void handle_slice(const protocol::DataSlice& slice, TimePoint now);
    bool fits(const protocol::serverMessage& message);
    void fault(const std::string& what);
    void handle_end(int error);
    void take_refusal(const protocol::ServerEvent& event);
    void look_at_greeting(std::span<const std::uint8_t> bytes);

    Wiring& wiring_;
    Fd socket_;
    Phase phase_{Phase::hello};
    TimePoint since_;
    NodeId node_;
    std::string why_dead_;
    DownReason why_down_{};
    bool asks_no_more_{false};
    std::string greeting_;  // the first bytes that it sent
    bool has_ended_{false};
    bool was_up_{false};
    bool verdict_given_{false};
    std::optional<Duration> round_trip_;
    protocol::clientMessage hello_;
    protocol::Session session_;
    protocol::ServerFrames frames_;
    ByteQueue outbox_;
    std::size_t control_left_{0};  // bytes of messages, in this call of receive()
    bool input_waits_{false};
    HitSink* hit_sink_{nullptr};
    std::uint64_t next_id_{1};
    std::uint64_t bytes_received_{0};
    std::uint64_t told_{0};
    TimePoint heard_at_{};
    std::unordered_map<std::uint64_t, Waiting> waiting_;
    std::unordered_map<std::uint64_t, Waiting> subscriptions_;
    std::unordered_map<std::uint64_t, Data> data_;
    // What has just come whole: only the very next message can still call it stale.
    std::optional<std::pair<std::uint64_t, Data>> just_came_;
};

}  // namespace shoal::peer
