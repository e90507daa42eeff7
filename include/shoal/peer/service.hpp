// Service: threads that work beside the peer's four, through its door: a gateway. run_peer()
// starts it when those four are up, and ends it before them.
//
//   start() ── works ── stop() ── drains, says `ended` ── join()
//
// A peer without services has its four threads and main, and none besides.
#pragma once

#include <functional>

#include "shoal/base/result.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::peer {

class Service {
  public:
    virtual ~Service() = default;

    // On main, before anything else: bind the ports, read the files that options name. An error
    // ends the process before it has begun.
    virtual Status open() = 0;
    // On main: start the threads. `api` lives until run_peer() returns. `ended` is to be called
    // once, from any thread, when all work is over: after stop(), or with the reason when it
    // cannot go on, which ends the peer.
    virtual void start(GatewayApi& api, std::function<void(Status)> ended) = 0;
    // On main, between start() and stop(): read files anew that options name. Must not block; what
    // is wrong with a file is logged, and what was read before stays in use.
    virtual void reload() {}
    // On main: finish what is under way, take nothing new, call `ended` within 5 s. Must not
    // block: post it to the threads. Harmless when nothing runs.
    virtual void stop() = 0;
    // On main, after `ended`, or without start(): join the threads. No call of `api` after it.
    virtual void join() = 0;
};

}  // namespace shoal::peer
