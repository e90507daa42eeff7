// Cache: keeps the CacheBook in step with the disk: what came through gateways stays in
// downloads/ until it is too much. The book lies in the state folder, so that a restart still
// knows what is not the user's. Main only.
#pragma once

#include <optional>
#include <string>

#include "peer/cache_claims.hpp"
#include "peer/mail.hpp"

namespace shoal::peer {

class Cache {
  public:
    Cache(Wiring& wiring, store::Store& store);

    // Before a file that came through a gateway takes its name: what stands there gives way, if
    // it came so, too. From then on nobody takes the file for the user's. False: somebody's own
    // file stands there.
    bool expect(const store::SafePath& name, const integrity::FileId& id);
    // After it: whether it has its name. The least recently read ones go when it is too much.
    void settle(const store::SafePath& name, const integrity::FileId& id, bool saved);
    void keep(const KeepPartial& order);
    // The disk has no room for so much: the least recently read ones go. False: there are none.
    bool give_way(std::uint64_t bytes);
    // Saves the book when it has changed, at most every few seconds, or `now_at_last`.
    void save(TimePoint now, bool at_last = false);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  private:
    void load();
    std::optional<CacheClaims::Lock> take_claims();
    void make_room();
    bool keep_at_most(std::uint64_t bytes);
    void remove_file(const store::SafePath& name, const integrity::FileId& id);

    Wiring& wiring_;
    store::Store& store_;
    std::string path_;
    CacheClaims claims_;
    bool owner_{false};  // this process is the gateway: the book on the disk is its
    TimePoint saved_at_{};
};

}  // namespace shoal::peer
