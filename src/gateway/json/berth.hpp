// Berth: where a connection lies between two turns. The waiting thread takes it from here when its
// socket or its job has news; the pool thread that worked on it puts it back, without waking
// anybody. News that comes meanwhile is kept, so none is lost. Any thread.
#pragma once

#include <optional>

#include "gateway/json/connection.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/base/time.hpp"

namespace shoal::gateway::json {

class Berth {
  public:
    enum class Put { parked, has_news, closing };

    // Lays it here until there is news. Unless parked it stays the caller's: it has news already,
    // or the gateway ends and it has nothing more to do.
    Put put(ConnectionPtr& connection, Turn turn, TimePoint now);
    // The connection, or nullptr when it is not here: then it is told that it has news.
    ConnectionPtr take();
    // As take(), but only of one that has lain here too long, and without telling. `next` is when
    // to look again, if it lies here and is not late.
    ConnectionPtr take_late(TimePoint now, std::optional<TimePoint>& next);
    // From now on, who is idle does not come back here.
    void begin_closing();

  private:
    struct State {
        ConnectionPtr connection;
        TimePoint deadline;
        bool news{false};
        bool closing{false};
    };
    Guarded<State> state_;
};

}  // namespace shoal::gateway::json
