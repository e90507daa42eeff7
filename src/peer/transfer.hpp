// Transfer: one file of more than one chunk on its way here: the shell around
// swarm::Download. Requester's thread.
//
//   find_hashes   a source's chunk hashes, proven against the root
//   opening       the keeper makes or resumes NAME.part
//   running       Download says what to ask of whom; what comes is written and forgotten; a
//                 chunk that is whole is hashed (Checks) and counts once it is verified
//   finishing     the keeper syncs and renames
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "peer/file_listener.hpp"
#include "peer/servers.hpp"
#include "peer/time_book.hpp"
#include "shoal/store/partial_file.hpp"
#include "shoal/swarm/download.hpp"

namespace shoal::peer {

struct TransferOrder {
    std::uint64_t key{};  // names it in mail
    store::SafePath name;
    integrity::FileId id;
    bool rename_on_clash{};
    std::size_t index{};                  // the listener's
    std::optional<std::int64_t> mtime{};  // that the file is to have
    bool cached{};                        // it comes through a gateway and may go again
};

class Transfer final : public DataSink {
  public:
    Transfer(Wiring& wiring, Servers& servers, TransferOrder order, FileListener& listener);
    ~Transfer() override;
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void start(TimePoint now);
    void handle_link(ServerLink& link, TimePoint now);
    void handle_link_closing(ServerLink& link);
    void handle_link_lost(ServerLink& link, TimePoint now);
    void handle_proving(const PartialProving& proving);
    void handle_opened(PartialOpened opened, TimePoint now);
    void handle_saved(const FileSaved& saved, TimePoint now);
    void handle_checked(const Checked& checked, TimePoint now);

    void handle_data(ServerLink& link, std::uint64_t token, LeafRun run, std::uint32_t offset,
                     std::span<const std::uint8_t> bytes, bool last, TimePoint now) override;
    void handle_substituted(ServerLink& link, std::uint64_t token, LeafRun given) override;
    void handle_refusal(ServerLink& link, std::uint64_t token, protocol::Status why,
                        TimePoint now) override;

    // Everything that is due; call after each batch of input.
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    // Ends it; what is verified stays on the disk. The listener is not called any more.
    void stop();

    [[nodiscard]] std::uint64_t key() const { return order_.key; }
    [[nodiscard]] const integrity::FileId& file() const { return order_.id; }
    [[nodiscard]] const std::string& name() const { return order_.name.text(); }
    [[nodiscard]] bool over() const { return phase_ == Phase::over; }
    // Waits for a holder or for room on the disk.
    [[nodiscard]] bool parked() const { return parked_ || !unwritten_.empty(); }
    [[nodiscard]] bool disk_is_full() const { return !unwritten_.empty(); }
    // The file is being opened or finished here: no host is waited for.
    [[nodiscard]] bool disk_at_work() const {
        return phase_ == Phase::opening || phase_ == Phase::finishing;
    }
    // Others wait for what is verified here.
    [[nodiscard]] bool in_crowd() const { return download_ && download_->in_crowd(); }
    [[nodiscard]] std::uint32_t sending_hosts() const;
    // Null until it is open, and when it is over.
    [[nodiscard]] const std::shared_ptr<store::PartialFile>& partial() const { return partial_; }
    // Somebody reads from these offsets on: what comes next there is fetched first.
    void read_from(std::span<const std::uint64_t> offsets);
    [[nodiscard]] const TimeBook& times() const { return times_; }
    // Verified chunks; null until it is known which of an earlier try are.
    [[nodiscard]] const Bitmap* held() const { return download_ ? &download_->held() : nullptr; }
    void set_rate_limit(std::uint64_t bytes_per_second);

  private:
    static constexpr Duration hashes_patience = 4s;  // for the next page of chunk hashes
    enum class Phase { find_hashes, opening, running, finishing, over };
    struct Source {
        std::uint64_t subscription{};
        std::optional<Bitmap> holds;  // until the Download keeps it; all set: everything
        bool answered{false};         // it has told what it holds
        bool dropped{false};
        bool sent{false};                    // some of the file
        std::optional<TimePoint> faulty_at;  // its disk has failed, as it says
        std::string last;                    // what went wrong last
        int endings{0};                      // how often the content went there
    };
    struct Unwritten {
        std::uint64_t offset{};
        std::vector<std::uint8_t> bytes;
    };
    struct Doubt {  // a chunk that did not verify; its senders may still say that it is stale
        std::vector<integrity::Digest> digests;
        std::size_t open{0};  // questions to them without an answer
        TimePoint until{};    // they are waited for
    };
    struct Dispute {  // a chunk that several sent and that did not verify
        std::vector<integrity::Digest> digests;
        std::vector<SourceId> senders;
    };

    void handle_holding(ServerLink& link, const Reply& reply, TimePoint now);
    void handle_growth(ServerLink& link, ChunkIndex first, std::uint32_t count);
    void handle_ended(ServerLink& link, TimePoint now);
    void look_for_hashes(TimePoint now);
    void ask_hashes(ServerLink& link, TimePoint now);
    void handle_hashes(ServerLink& link, const Reply& reply, TimePoint now);
    void finish_hashes(ServerLink& link);
    enum class Fault { lied, cannot };
    void give_up_on(ServerLink& link, Fault fault, const std::string& why);

    void carry_out(const swarm::Action& action, TimePoint now);
    void write(std::uint64_t offset, std::span<const std::uint8_t> bytes, TimePoint now);
    void write_again(TimePoint now);
    void check_chunks(LeafRun run);
    void check_at_once(LeafRun run, std::span<const std::uint8_t> bytes, TimePoint now);
    void judge(ChunkIndex chunk, std::span<const integrity::Digest> leaves, TimePoint now);
    void doubt(ChunkIndex chunk, std::vector<integrity::Digest> digests, TimePoint now);
    void handle_word(ChunkIndex chunk);
    void end_doubt(ChunkIndex chunk);
    [[nodiscard]] bool is_stale(ChunkIndex chunk, TimePoint judged) const;
    void end_late_doubts(TimePoint now);
    void handle_bad_chunk(ChunkIndex chunk, std::vector<integrity::Digest> digests);
    void settle_dispute(ChunkIndex chunk, ServerLink& link, const Reply& reply);
    void announce(TimePoint now);
    void look_parked(TimePoint now);
    // transfer_stall.cpp
    void begin_hearing(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> stalls_at() const;
    void look_stalled(TimePoint now);
    [[nodiscard]] std::string missing_chunks() const;
    [[nodiscard]] std::string claims_of_hosts() const;
    void fail(Outcome outcome, const std::string& text, TimePoint now, bool meddled = false);
    void fail_here(const Error& error, TimePoint now);

    Wiring& wiring_;
    Servers& servers_;
    TransferOrder order_;
    FileListener& listener_;
    integrity::Geometry geometry_;
    Phase phase_{Phase::find_hashes};
    std::map<SourceId, Source> sources_;

    std::vector<integrity::Digest> hashes_;
    std::optional<SourceId> hashes_from_;
    std::uint32_t hashes_missing_{0};
    TimePoint hashes_asked_at_{};

    std::shared_ptr<store::PartialFile> partial_;
    std::optional<swarm::Download> download_;
    std::unordered_map<std::uint64_t, std::uint64_t> wire_ids_;  // by AskId
    std::set<ChunkIndex> checking_;  // whole, but what they are worth is not known yet
    std::set<ChunkIndex> unlooked_;  // got bytes while others could not be written
    std::map<ChunkIndex, Doubt> doubts_;
    std::map<ChunkIndex, Dispute> disputes_;
    std::vector<ChunkIndex> verified_;  // not announced yet
    TimeBook times_;
    std::deque<Unwritten> unwritten_;
    TimePoint write_again_at_{};
    bool parked_{false};
    TimePoint heard_at_{};  // something came, or it began
    bool stall_told_{false};
    std::map<std::string, std::string> lost_;  // why, by host; bounded
};

}  // namespace shoal::peer
