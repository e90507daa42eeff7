// TimeBook: where the time of one transfer went: writing, hashing, and what each source did.
// Pure; requester's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "shoal/base/ids.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

class TimeBook {
  public:
    void handle_asked(SourceId source, const std::string& host, TimePoint now);
    void handle_received(SourceId source, std::uint64_t bytes, TimePoint now);
    // One of its requests has ended: all came, it was refused, or the link was lost.
    void handle_answered(SourceId source, TimePoint now);
    void add_writing(Duration spent) { writing_ += spent; }
    void add_hashing(Duration spent) { hashing_ += spent; }

    // Adds what is known by now to `sum`.
    void add_to(FetchTimes& sum, TimePoint now) const;

  private:
    struct Source {
        HostTime sum;
        std::uint32_t open{0};  // requests
        TimePoint owes_since{};
        TimePoint heard_at{};
    };
    std::map<SourceId, Source> sources_;
    Duration writing_{};
    Duration hashing_{};
};

}  // namespace shoal::peer
