// ClientLink: one client's socket at the server: its frames, its session, and what waits to be
// sent to it. Owned by the reader's thread.
//
// A message and its payload must stay together on the wire, so while file data is being sent
// from the disk, new messages wait behind it in queued_.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "peer/open_files.hpp"
#include "shoal/base/byte_queue.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/time.hpp"
#include "shoal/net/address.hpp"
#include "shoal/net/places.hpp"
#include "shoal/net/socket.hpp"
#include "shoal/protocol/auth.hpp"
#include "shoal/protocol/frames.hpp"
#include "shoal/swarm/upload_queue.hpp"

namespace shoal::peer {

class ClientLink {
  public:
    enum class Phase { hello, proof, ready, lingering };

    ClientLink(swarm::ClientKey its_key, Fd socket, const net::Address& peer,
               net::Places::Id its_place, TimePoint now)
        : key(its_key),
          address(peer),
          place(its_place),
          phase_since(now),
          socket_(std::move(socket)) {}

    const swarm::ClientKey key;
    const net::Address address;
    const net::Places::Id place;  // at the door
    Phase phase{Phase::hello};
    TimePoint phase_since;  // for the deadlines of every phase but ready
    NodeId node;            // once ready
    bool may_ask{false};    // the requester knows it as one who may search
    std::optional<protocol::clientMessage> hello;
    protocol::Session session;
    protocol::ClientFrames frames;
    std::optional<std::pair<protocol::clientMessage, protocol::ClientBytes>>
        deferred;                                              // see Reader
    std::map<std::uint64_t, integrity::FileId> subscriptions;  // by id
    std::map<std::uint64_t, integrity::FileId> requests;       // waiting in the queue, by id
    std::uint32_t waiting_queries{0};                          // answered `pending` so far
    std::set<std::uint64_t> searches;                          // not answered yet, by id
    bool input_waits{false};  // messages that came, until it wants_to_read() again

    [[nodiscard]] int fd() const { return socket_.get(); }

    // Seals and queues a message with its payload; payloadSize is set here.
    void send(protocol::serverMessage message, std::span<const std::uint8_t> payload = {});
    // A refusal, with a word to people.
    void answer(std::uint64_t id, protocol::Status status, std::string_view text = {});
    // Sends the data message of a run; the bytes follow from `file`. Small runs are read at
    // once, larger ones go by sendfile in flush().
    void send_run(std::uint64_t id, const protocol::serverMessage& head,
                  std::shared_ptr<OpenFile> file, std::uint64_t offset, std::uint32_t length);

    // What the kernel may hold of this connection without having sent it.
    void limit_unsent(std::uint32_t bytes);

    // Moves at most `budget` bytes to the socket. False: the connection is gone.
    // `moved` counts what went out.
    bool flush(std::uint64_t budget, std::uint64_t& moved);

    [[nodiscard]] bool wants_to_send() const { return upload_ || !outbox_.empty(); }
    // File data is among it.
    [[nodiscard]] bool uploading() const { return upload_.has_value() || outbox_has_data_; }
    // May another run begin? Keeps few bytes bound in user space.
    [[nodiscard]] bool can_begin() const;
    // Whether more messages are taken in now: not while so much waits to be sent to it. So answers
    // never take more than that and one of them.
    [[nodiscard]] bool wants_to_read() const;
    // Nor does what is pushed: a client that takes nothing of that is given up.
    [[nodiscard]] bool overfull() const;
    // Nothing is to be done for it until it says something, or something is said to it.
    [[nodiscard]] bool idle() const {
        return phase == Phase::ready && wants_to_read() && !wants_to_send() && !input_waits;
    }

  private:
    struct Upload {
        std::uint64_t id{};
        std::shared_ptr<OpenFile> file;
        std::uint64_t offset{};
        std::uint32_t left{};
        int error{0};  // ENODATA: the file ended early; or its disk failed. Zeros are sent instead
    };
    struct Queued {
        protocol::serverMessage message;
        std::vector<std::uint8_t> payload;
    };
    void append(const protocol::serverMessage& message, std::span<const std::uint8_t> payload);
    net::Transfer send_from_file(std::uint64_t budget);
    void tell_if_stale(std::uint64_t id, const OpenFile& file, int error);
    void end_upload();
    [[nodiscard]] std::size_t unsent() const { return outbox_.size() + queued_bytes_; }

    Fd socket_;
    std::uint32_t unsent_limit_{0};
    ByteQueue outbox_;
    bool outbox_has_data_{false};   // runs that were read at once
    std::optional<Upload> upload_;  // its head stands at the end of outbox_ or has gone
    std::vector<Queued> queued_;    // what comes behind the upload, not sealed yet
    std::size_t queued_bytes_{0};
};

}  // namespace shoal::peer
