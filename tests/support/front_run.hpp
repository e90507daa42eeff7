// Runs a front end against a played peer, with pipes for a person.
#pragma once

#include <poll.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "played_peer.hpp"
#include "shoal/cli/commands.hpp"

namespace shoal::test {

using peer::Event;

struct Ended {
    int code{-1};
    std::string out, err;
};

using Meddle = std::function<void(int turn, peer::FrontEnd&, Stdio&)>;

// The requester's loop, as far as a front end can tell.
inline void turn_once(peer::FrontEnd& front, PlayedPeer& played) {
    if (!played.events.empty()) {
        const Event event = std::move(played.events.front());
        played.events.pop_front();
        front.deliver(event);
    }
    pollfd ready{front.input_fd(), POLLIN, 0};
    if (ready.fd >= 0 && ::poll(&ready, 1, 0) == 1) {
        front.handle_input(steady_now());
    }
    if (front.output_fd() >= 0) {
        front.handle_output(steady_now());
    }
    const auto due = front.next_timeout();
    if (due && *due <= steady_now()) {
        front.handle_timeout(steady_now());
    }
}

inline Ended run_front(std::vector<std::string> words, PlayedPeer& played,
                       const std::string& input = "", const Meddle& meddle = {}) {
    const auto options = cli::parse_options(words);
    REQUIRE(options);
    std::signal(SIGPIPE, SIG_IGN);
    Stdio stdio(input);
    if (!meddle) {
        stdio.end_input();
    }
    const auto front = cli::make_front_end(*options);
    front->start(played, steady_now());
    for (int turn = 0; turn < 10'000 && !front->finished(); ++turn) {
        if (meddle) {
            meddle(turn, *front, stdio);
        }
        turn_once(*front, played);
    }
    Ended ended;
    ended.code = front->finished().value_or(-1);
    front->close();
    stdio.restore();
    ended.out = stdio.out();
    ended.err = stdio.err();
    return ended;
}

}  // namespace shoal::test
