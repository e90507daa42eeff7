// Searches: the requester's shell around overlay::SearchRouter. What arrives at the reader leaves
// here through the client sockets; what comes back goes to the reader, who sends it home; and the
// searches of this host's own user begin and end here. Requester's thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "peer/engine.hpp"
#include "peer/file_scans.hpp"
#include "peer/own_search.hpp"
#include "shoal/overlay/search_router.hpp"

namespace shoal::peer {

class Searches final : public HitSink {
  public:
    explicit Searches(Engine& engine) : engine_(engine), scans_(engine.wiring.offers()) {}
    ~Searches() override { engine_.servers.forget(this); }
    Searches(const Searches&) = delete;
    Searches& operator=(const Searches&) = delete;

    void handle_link(ServerLink& link);
    void handle_link_lost(const ServerLink& link);
    void handle_asker(const AskerUp& up);
    void handle_asker_gone(const AskerGone& gone);
    void handle_arrived(const SearchArrived& arrived, TimePoint now);
    void handle_hits(ServerLink& link, const protocol::serverMessage& message,
                     std::span<const std::uint8_t> payload) override;

    void begin(SearchCommand command, TimePoint now);
    void cancel(std::uint64_t order, TimePoint now);
    void forget_sink(const EventSink* sink);
    void silence();

    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  private:
    using Message = std::shared_ptr<const protocol::HitsMessage>;
    struct Kept {  // hits that have passed, for another way home
        overlay::SearchId id;
        Message hits;
    };

    void pump();
    void forward(const overlay::SearchRouter::Forward& forward);
    void handle_answer(ServerLink& link, const overlay::SearchId& id, const Reply& reply);
    void refuse(const SearchArrived& arrived, protocol::Status status, const std::string& why);
    [[nodiscard]] const protocol::Search* question_of(const overlay::SearchId& id) const;
    OwnSearch* owner_of(const overlay::SearchId& id);
    void work_on_files(TimePoint now);
    void finish_scan(const FileScans::Finished& finished, TimePoint now);
    // True when it is on its way.
    bool pass_on(const overlay::SearchRouter::Way& way, const overlay::SearchId& id,
                 const protocol::Hits& hits);
    void resend(const overlay::SearchRouter::Resend& again);
    void note_totals();

    Engine& engine_;
    overlay::SearchRouter router_;
    FileScans scans_;
    TimePoint scan_again_at_{};
    const protocol::Search* arriving_{nullptr};  // while it is being handled
    std::vector<std::unique_ptr<OwnSearch>> own_;
    std::deque<Kept> kept_;
    std::size_t kept_bytes_{0};
};

}  // namespace shoal::peer
