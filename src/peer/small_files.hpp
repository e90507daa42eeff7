// SmallFiles: files of at most one chunk, thousands at a time. Each is one request, verified
// in memory against its root and saved whole by the keeper, so it needs neither chunk hashes
// nor a journal; what makes it fast is that requests are pipelined. Requester's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "peer/file_listener.hpp"
#include "peer/servers.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

class SmallFiles final : public DataSink {
  public:
    SmallFiles(Wiring& wiring, Servers& servers) : wiring_(wiring), servers_(servers) {}
    ~SmallFiles() override { servers_.forget(this); }
    SmallFiles(const SmallFiles&) = delete;
    SmallFiles& operator=(const SmallFiles&) = delete;

    // Items handed in at a time should stay near this, so that memory stays flat.
    static constexpr std::size_t window = 512;

    struct Order {
        store::SafePath name;
        integrity::FileId id;
        bool rename_on_clash{};
        std::vector<SourceId> holders;
        FileListener* listener{};
        std::size_t index{};                  // the listener's
        std::optional<std::int64_t> mtime{};  // that the file is to have
        bool cached{};                        // it comes through a gateway and may go again
    };
    void add(Order order);
    // Nothing more of it (or of that file of it) is fetched; the listener is not called any more.
    void forget(const FileListener* listener, std::optional<std::size_t> index = {});

    void handle_link(ServerLink& link);
    void handle_link_lost(ServerLink& link);
    void handle_saved(const FileSaved& saved, TimePoint now);
    void handle_data(ServerLink& link, std::uint64_t token, LeafRun run, std::uint32_t offset,
                     std::span<const std::uint8_t> bytes, bool last, TimePoint now) override;
    void handle_substituted(ServerLink&, std::uint64_t, LeafRun) override {}  // never agreed to
    void handle_refusal(ServerLink& link, std::uint64_t token, protocol::Status why,
                        TimePoint now) override;

    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    [[nodiscard]] bool parked(const FileListener* listener) const;
    [[nodiscard]] bool disk_is_full() const { return !waiting_for_room_.empty(); }

  private:
    // doubted: it did not verify, but the server may still say that it is stale; resting: its
    // holder's disk has failed, and it is asked again later
    enum class State { queued, asked, doubted, resting, saving, parked };
    struct Item {
        explicit Item(Order its_order) : order(std::move(its_order)) {}
        Order order;
        State state{State::queued};
        std::set<SourceId> useless;  // refused or lied
        std::string disk_failed;     // the host that said so
        bool saw_liar{false};
        bool saw_fault{false};  // of a holder's disk
        SourceId asked;
        std::uint64_t wire_id{0};
        TimePoint deadline{};
    };
    struct Load {
        std::size_t requests{0};
        std::size_t bytes{0};
        TimePoint heard{};  // of data from it
        bool late{false};   // owes and is silent: others are asked first
        Duration rest{0};   // it was too busy: asked again after so long
        TimePoint rests_until{};
    };
    struct Choice {
        ServerLink* link{};   // null: none that has room
        bool anybody{false};  // can be asked at all
        bool in_time{false};  // and one of them is not late
    };

    static bool has_room(const Load& load, TimePoint now);
    Choice choose(const Item& item, TimePoint now);
    [[nodiscard]] bool has_other_holder(const Item& item);
    void ask(std::uint64_t key, Item& item, ServerLink& link, TimePoint now);
    void unload(Item& item);
    void requeue(std::uint64_t key, Item& item);
    void rest(std::uint64_t key, Item& item, const ServerLink& link, TimePoint now);
    void park(std::uint64_t key, Item& item);
    void ask_who_has(std::uint64_t key, Item& item, ServerLink& link);
    void doubt(std::uint64_t key, Item& item, ServerLink& link, TimePoint now);
    void blame(std::uint64_t key, Item& item);
    void save(std::uint64_t key, Item& item, std::vector<std::uint8_t> bytes);
    void look_at_deadlines(TimePoint now);
    void finish(std::uint64_t key, FileResult result, TimePoint now);

    Wiring& wiring_;
    Servers& servers_;
    std::unordered_map<std::uint64_t, Item> items_;
    std::deque<std::uint64_t> queue_;  // keys to ask for
    std::map<SourceId, Load> load_;
    std::deque<std::pair<TimePoint, std::uint64_t>> deadlines_;  // in order of time
    std::map<std::uint64_t, std::vector<std::uint8_t>> waiting_for_room_;
    TimePoint save_again_at_{};
    TimePoint driven_at_{};
    std::uint64_t next_key_{1};
};

}  // namespace shoal::peer
