// FrontEnd: who gives the orders of a process: the prompt, or one command. It lives on the
// requester's thread, whose select() also watches its descriptors, so it needs no thread and
// no lock of its own and must never block.
#pragma once

#include <optional>

#include "shoal/base/time.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

class FrontEnd : public EventSink {
  public:
    // Once, when the peer is up.
    virtual void start(PeerApi& api, TimePoint now) = 0;

    // Descriptor to watch for reading, -1 for none (also after the end of input).
    [[nodiscard]] virtual int input_fd() const { return -1; }
    virtual void handle_input(TimePoint) {}
    // Descriptor to watch for writing while output waits, -1 for none.
    [[nodiscard]] virtual int output_fd() const { return -1; }
    virtual void handle_output(TimePoint) {}
    [[nodiscard]] virtual std::optional<TimePoint> next_timeout() const { return std::nullopt; }
    virtual void handle_timeout(TimePoint) {}
    // SIGINT or SIGTERM (also SIGHUP). The first one; main ends the process on a second.
    virtual void handle_signal(int signal, TimePoint now) = 0;
    // Whether SIGHUP is to read files anew now, and not to end the process. On main.
    [[nodiscard]] virtual bool reloads_on_hangup() const { return false; }

    // Whether SIGINT stops what is under way and no more, each time. On main.
    [[nodiscard]] virtual bool outlives_interrupt() const { return false; }

    // Set when the process is to end with that exit code; asked after every call.
    [[nodiscard]] virtual std::optional<int> finished() const = 0;
    // Before the process ends, on main, after all threads are joined: restore the terminal,
    // write out what waits.
    virtual void close() {}
};

}  // namespace shoal::peer
