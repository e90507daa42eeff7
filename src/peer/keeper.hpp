// Keeper: main's loop while the four threads work. Does for them what may block: hashing,
// opening, syncing and renaming files, watching shared/; takes the signals; starts and
// finishes the stop.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "peer/cache.hpp"
#include "peer/edits.hpp"
#include "peer/mail.hpp"
#include "peer/proofs.hpp"
#include "shoal/net/poller.hpp"
#include "shoal/peer/front_end.hpp"
#include "shoal/peer/service.hpp"
#include "shoal/store/store.hpp"

namespace shoal::peer {

class Keeper {
  public:
    // `signals` is a signalfd of what main is to see; `front` says what SIGHUP means.
    Keeper(Wiring& wiring, store::Store& store, Fd signals, const FrontEnd& front);

    // Until `threads` and `services` have ended; returns the exit code.
    int run(std::size_t threads, std::span<Service* const> services);
    static void stop_all(Wiring& wiring);

  private:
    void take_mail(TimePoint now);
    void take_signals();
    void reload();
    void thread_ended(const ThreadEnded& ended);
    void service_ended(const ServiceEnded& ended);
    void finish(int exit_code);
    void stop_services();
    [[nodiscard]] bool services_running() const;
    void hash_first(const std::string& name);
    void tell_settled();
    void tell_if_settled(const std::string& name);
    void tell_changed();
    void open_partial(OpenPartial order);
    void close_partial(const ClosePartial& order);
    void prove(std::uint64_t transfer, Proofs::PartialPtr partial,
               std::function<void(const Proofs::PartialPtr&)> then);
    void announce_kept(const store::PartialFile& partial);
    void drop_partial(const DropPartial& order);
    void finish_partial(const FinishPartial& order);
    void name_partial(const FinishPartial& order);
    void save_small(std::vector<SaveSmall> batch);
    [[nodiscard]] bool may_be_same(const store::SafePath& name, const integrity::FileId& id);
    void save_elsewhere(store::SmallFile& file, Status& saved, bool rename_on_clash);
    void help_hash();
    void sync_partials(TimePoint now);
    [[nodiscard]] std::optional<Duration> timeout(TimePoint now) const;

    Wiring& wiring_;
    store::Store& store_;
    Edits edits_;
    Cache cache_;
    Fd signals_;
    const FrontEnd& front_;
    net::SelectPoller poller_;
    std::set<std::string> asked_names_;
    std::size_t unknown_{0};  // Catalog::unknown_count(), a turn ago
    std::vector<std::weak_ptr<store::PartialFile>> partials_;
    Proofs proofs_;
    std::vector<std::uint8_t> scratch_;
    TimePoint next_sync_{};
    std::size_t running_{0};
    std::vector<Service*> services_;  // null: has ended
    bool services_stopped_{false};
    std::optional<int> exit_code_;
    int stop_signals_{0};
};

}  // namespace shoal::peer
