// Fetch: one order of a user: "get NAME" or "get FOLDER/". Requester's thread.
//
//   connecting   until a host (or --wait-hosts of them) can be asked; or, for what a search has
//                found, until one of the hosts picked is connected: they alone are asked then,
//                or nobody, since the content is known
//   asking       every host is asked; the vote says which content is meant. Of a folder: until
//                those that answer have told what they have. What comes later, and files that are
//                hashed or written where they are, join while the rest is under way
//   suggesting   nobody has it: names that look like it are gathered
//   planning     of an order that only asks who holds what: the holders tell, and it is over
//   running      files under way: transfers and small files, a window of them at a time; a file
//                waits while what stands under its name is hashed, or another order fetches it
//   over
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peer/cache_claims.hpp"
#include "peer/engine.hpp"
#include "peer/file_listener.hpp"
#include "peer/listing.hpp"
#include "peer/parking_word.hpp"
#include "peer/pending_ask.hpp"
#include "peer/plan.hpp"
#include "peer/rate_meter.hpp"
#include "shoal/swarm/version_vote.hpp"

namespace shoal::peer {

class Fetch final : public FileListener {
  public:
    Fetch(Engine& engine, FetchCommand command, TimePoint now);
    ~Fetch() override;
    Fetch(const Fetch&) = delete;
    Fetch& operator=(const Fetch&) = delete;

    void handle_link(ServerLink& link, TimePoint now);
    void handle_link_lost(ServerLink& link, TimePoint now);
    void handle_name_settled(const std::string& name);
    // A download of another order has ended: what waited for it may begin.
    void handle_room() { woken_ = true; }
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    void cancel(TimePoint now);
    void report(TimePoint now);  // a FetchProgress
    [[nodiscard]] bool has_news() const { return phase_ == Phase::running && (moved_ || moving_); }

    [[nodiscard]] FetchId id() const { return command_.fetch; }
    [[nodiscard]] const EventSink* sink() const { return command_.sink; }
    [[nodiscard]] bool over() const { return phase_ == Phase::over; }
    // Nobody listens any more: ends it without a word.
    void silence();

    void file_opened(std::size_t index, std::uint64_t kept, std::uint64_t rechecked) override;
    void file_received(const std::string& host, std::uint64_t bytes) override;
    void file_verified(std::size_t index, std::uint64_t bytes, TimePoint now) override;
    void file_note(std::size_t index, FetchNote::Kind kind, const std::string& host,
                   const std::string& text) override;
    void file_done(std::size_t index, FileResult result, TimePoint now) override;

  private:
    enum class Phase { connecting, asking, suggesting, planning, running, over };
    struct Version {
        integrity::FileId id;
        std::vector<SourceId> holders;
    };
    struct File {
        store::SafePath name;
        integrity::FileId id;
        std::vector<SourceId> holders;
        std::vector<Version> others{};  // of a folder's file, what is held most first
    };

    // Until it is clear what is meant (fetch_ask.cpp).
    void look_connected(TimePoint now);
    void begin_asking(TimePoint now);
    void ask(ServerLink& link, TimePoint now);
    void handle_answer(ServerLink& link, const Reply& reply, TimePoint now);
    void look_decided(TimePoint now);
    void decide_nobody(const swarm::VersionVote::Nobody& nobody, TimePoint now);
    void decide_tie(const swarm::VersionVote::Tie& tie, TimePoint now);
    void look_listed(TimePoint now);
    void put_question(ServerLink& link);
    std::optional<TimePoint> ask_busy_again(TimePoint now);
    [[nodiscard]] const Unasked* unasked() const;
    [[nodiscard]] bool awaits_hosts() const;
    [[nodiscard]] std::string untold() const;
    [[nodiscard]] bool is_here() const;
    void take_names();
    void take_versions(const std::string& name, const Listing::Versions& versions);
    void settle_pending(const std::string& name, const swarm::VersionVote::Outcome& outcome);
    void gather(TimePoint now);
    [[nodiscard]] bool gathered() const;
    // Who has not told what it has, and why; "" when all have.
    [[nodiscard]] std::string missing_words() const;
    bool plan_name(const std::string& name, const Listing::Versions& versions);
    void tell_vote(std::vector<VersionInfo> versions);
    void offer_other_versions();
    void leave_lies(TimePoint now);
    bool take_next_version(std::size_t index, TimePoint now);
    void stop_file(std::size_t index, TimePoint now);
    void begin_suggesting(TimePoint now);
    void look_suggested(TimePoint now);
    [[nodiscard]] VersionInfo describe(const swarm::ContentKey& key,
                                       const std::vector<SourceId>& complete,
                                       const std::vector<SourceId>& partial);
    [[nodiscard]] std::vector<VersionInfo> describe(const std::vector<swarm::Version>& versions);

    // Of a search's results (fetch_picked.cpp).
    void pick_hosts(TimePoint now);
    void look_picked(TimePoint now);
    [[nodiscard]] bool is_picked(const ServerLink& link) const;
    [[nodiscard]] std::vector<SourceId> picked_links();
    [[nodiscard]] const std::string& asked_name() const;
    void unpick_hosts();

    // From then on (fetch.cpp).
    void begin(TimePoint now);
    void look_planned(TimePoint now);
    void begin_running(TimePoint now);
    void launch(TimePoint now);
    void launch_one(std::size_t index, TimePoint now);
    void drop_parts_of(const File& file);
    void begin_small(std::size_t index);
    void begin_transfer(std::size_t index, TimePoint now);
    [[nodiscard]] bool may_begin() const;
    bool held_up(const File& file);
    bool begin_anew(std::size_t index, const FileResult& result);
    [[nodiscard]] std::optional<FileResult> keep_here(const store::HeldFile& held) const;
    [[nodiscard]] std::optional<FileResult> standing_here(const File& file) const;
    [[nodiscard]] bool is_folder() const { return folder_; }
    [[nodiscard]] bool waits() const;
    [[nodiscard]] bool hopeless() const;
    void look_timed_out(TimePoint now);
    void tell_waiting(TimePoint now);
    void give_up(Outcome outcome, const std::string& text, TimePoint now);
    void note_worst(Outcome outcome, const std::string& text);
    void give_up(const Nobody& nobody, TimePoint now);
    void finish(TimePoint now);
    void add_verified(std::uint64_t bytes, TimePoint now);
    void gather_times(std::uint64_t transfer, TimePoint now);
    void end_parking(TimePoint now);
    [[nodiscard]] FetchTimes times(TimePoint now) const;
    void started(std::uint64_t kept, std::uint64_t rechecked);
    void deliver(const Event& event);

    Engine& engine_;
    FetchCommand command_;
    std::string name_;
    bool folder_{false};
    Phase phase_{Phase::connecting};
    TimePoint began_at_;
    TimePoint phase_began_at_;
    TimePoint progressed_at_;

    std::vector<net::Address> picked_;
    bool picked_elsewhere_{false};  // connected, but under another address
    std::optional<swarm::VersionVote> vote_;
    struct Asked {
        Interim interim;
        bool told{false};                   // it has, or it has not
        std::string why;                    // it will not tell
        std::optional<TimePoint> again_at;  // it was busy
    };
    std::map<SourceId, Asked> asked_;
    std::map<std::string, HashPace> paces_;  // by host: it may come back
    TimePoint asking_moved_at_{};
    std::optional<TimePoint> first_answer_at_;  // that has what is wanted
    TimePoint look_again_at_{};
    std::unique_ptr<Listing> listing_;
    std::unique_ptr<PendingAsk> pending_;
    std::map<std::string, std::uint64_t> pending_sizes_;
    std::unique_ptr<Plan> plan_;
    std::vector<File> files_;
    // By file: the contents that the vote did not choose. Not all of very many.
    std::map<std::size_t, std::vector<VersionInfo>> others_;
    std::size_t votes_{0};              // files of which there are others
    std::set<std::size_t> unverified_;  // files of which others are to be offered
    std::set<std::size_t> lies_;        // of a folder: nobody is left who has not lied about them
    std::size_t next_file_{0};
    std::set<std::size_t> small_running_;
    std::map<std::size_t, std::uint64_t> transfers_;    // index to key
    std::vector<std::size_t> waiting_;                  // held up; not counted in next_file_
    std::map<std::size_t, std::uint64_t> verified_of_;  // bytes of each transfer
    std::map<std::size_t, int> begun_anew_;             // since other programs meddled with them
    std::set<std::string> hashing_;                     // names that hold them up
    bool woken_{false};                                 // some of them may go on

    // Milestones, and what was gathered between them.
    std::optional<TimePoint> asked_at_, running_at_, opened_at_, verified_at_, parked_at_;
    FetchTimes times_;

    FetchDone done_;
    std::map<std::string, std::uint64_t> shares_;
    std::uint64_t verified_{0};
    std::uint64_t files_done_{0};
    bool saw_liars_{false};
    bool saw_losses_{false};  // a host that sent some of it went; it may come back
    ParkingWord parking_;
    FetchNote parked_note_;  // what is said when the wait lasts
    bool told_stalled_{false};
    bool told_hopeless_{false};
    bool told_waiting_{false};
    bool moved_{false};   // since the last report
    bool moving_{false};  // at the last report
    RateMeter meter_;
};

}  // namespace shoal::peer
