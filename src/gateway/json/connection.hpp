// Connection: a client behind the handshake: its socket, its framing, its request under way.
// It is handed over whole: it belongs to one thread at a time, or lies in its berth.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gateway/json/job.hpp"
#include "gateway/json/jobs.hpp"
#include "gateway/json/messages.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/time.hpp"

namespace shoal::gateway::json {

// What a connection needs before it can go on.
enum class Turn { wants_read, wants_write, waits, again, closed };

class Connection {
  public:
    // `said` is what the client sent behind the handshake.
    Connection(std::uint64_t id, Fd socket, SessionMacs macs, std::string_view said, Waker waker);

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] int fd() const { return socket_.get(); }

    // Goes as far as it can without waiting, within a fair share. `scratch` is the thread's.
    Turn work(Shared& shared, std::span<std::uint8_t> scratch);

    // Between two messages with nothing left to say: may be turned away or closed at once.
    [[nodiscard]] bool idle() const;
    // The last words, then the end: work() sends them.
    void turn_away(Code code, std::string message);
    // The time in which `turn` had to come to something is over; work() does the rest.
    void expire();
    // Its last words are out; it is kept only until the client closes.
    [[nodiscard]] bool lingers() const { return lingers_; }
    // Nothing more can become of it.
    [[nodiscard]] bool over() const { return broken_; }
    // How long it may stay parked like that.
    [[nodiscard]] Duration patience(Turn turn) const;

  private:
    enum class Progress { made, again, wants_room, wants_input, waits, ended };

    Progress advance(Shared& shared);
    Progress step_job();
    Progress next_request(Shared& shared);
    Progress discard_content();
    Progress refuse(MessageReader::Got fault);
    enum class Sent { all, some, failed };
    Sent send_waiting();
    // False when nothing has come.
    bool receive(std::span<std::uint8_t> scratch);
    Turn parked(Turn turn);
    Turn linger(std::span<std::uint8_t> scratch);

    std::uint64_t id_;
    Fd socket_;
    MessageReader in_;
    MessageWriter out_;
    Waker waker_;
    std::unique_ptr<Exchange> exchange_;
    JobPtr job_;
    bool input_ended_{false};
    bool last_words_{false};  // when they are out, it is over
    bool lingers_{false};     // they are: what still comes is thrown away until the client closes
    bool broken_{false};
    std::size_t linger_left_{4 * json_bytes_max};  // bytes that are thrown away at most
};
using ConnectionPtr = std::unique_ptr<Connection>;

}  // namespace shoal::gateway::json
