// Download: which leaves to ask of whom. The scheduler of one file, without sockets, clocks,
// threads or files: inputs are handle_*(), outputs come from poll(); time is an argument.
//
// Theory of operation
//  1. A chunk is missing, active (some leaves asked for or here) or held (verified).
//  2. A free slot at a source takes the next missing run of an active chunk that the source
//     holds, else opens the rarest missing chunk it holds, random among equals. On fast links
//     a run spans several chunks, goes on where the source was if that is as rare, and ends at
//     a multiple of its length, so that no crumbs are left between runs.
//  3. A leaf is asked of one source at a time, but in the endgame: when nothing is left that
//     is not pending, an idle source may double what a slower one still owes; whoever is
//     first wins, the other is cancelled.
//  4. About `outstanding_bytes` are asked for in all, spread over the sources by their rate;
//     a source never has fewer than one request. Run length follows the source's rate.
//  5. A source that owes leaves and sends nothing for its patience (a few of its own longest
//     pauses, or twice the time in which this host's link brings what all sources owe) is stalled,
//     and so is one from which a chunk is taken in the endgame: its runs (or those of that chunk)
//     are cancelled and given to others, it rests, and is then probed with one leaf, at growing
//     intervals, until it answers. A late leaf that is still missing is welcome and ends the rest.
//  6. When a chunk fails verification and all its leaves came from one source, that source is
//     bad. When several sent parts, the leaves are dropped, the shell may settle it by leaf
//     hashes, and the chunk is fetched again from one source alone. The senders are suspects:
//     each fetches its chunks alone until one of them verifies. So a liar is found at its
//     second lie at the latest, with leaf hashes or without.
//  7. In a crowd, a source that holds all may answer with other chunks than those asked for, which
//     it has never sent to anyone (FirstCopies); the mark moves there, and what was asked for is
//     up for asking elsewhere. A source whose substitute brought nothing is asked plainly.
//  8. Held only grows. Every request ends by arriving whole, refused, cancelled, or with its
//     source.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "shoal/base/bitmap.hpp"
#include "shoal/base/ids.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/time.hpp"

namespace shoal::swarm {

// The shape of a file, as far as scheduling cares.
struct Shape {
    std::uint64_t leaf_count{};
    std::uint32_t leaves_per_chunk{};

    [[nodiscard]] std::uint32_t chunk_count() const {
        return static_cast<std::uint32_t>((leaf_count + leaves_per_chunk - 1) / leaves_per_chunk);
    }
    [[nodiscard]] ChunkIndex chunk_of(LeafIndex leaf) const {
        return {static_cast<std::uint32_t>(leaf.value / leaves_per_chunk)};
    }
    [[nodiscard]] LeafIndex first_leaf(ChunkIndex chunk) const {
        return {std::uint64_t{chunk.value} * leaves_per_chunk};
    }
    [[nodiscard]] std::uint32_t leaves_in(ChunkIndex chunk) const {
        const std::uint64_t first = first_leaf(chunk).value;
        const std::uint64_t left = leaf_count - first;
        return static_cast<std::uint32_t>(left < leaves_per_chunk ? left : leaves_per_chunk);
    }
};

// Numbers a request within its Download; the shell maps it to a wire id.
using AskId = StrongId<struct AskIdTag, std::uint64_t>;

// What poll() wants done.
struct Ask {  // send a request
    SourceId source;
    AskId ask;
    LeafRun run;
    bool substitute{false};  // another run of whole chunks will do as well
};
struct CancelAsk {  // send a cancel; its bytes may still come: handle_leaf() judges each
    SourceId source;
    AskId ask;
};
struct DropSource {  // sent bytes that do not verify; never use it for this file again
    SourceId source;
};
using Action = std::variant<Ask, CancelAsk, DropSource>;

enum class Refusal {
    not_held,   // that chunk is not there after all
    gone,       // the file changed or vanished there: no source any more
    busy,       // ask again later
    cancelled,  // as poll() wanted; closes the books of that ask. Without that: busy
};

// What to do with a slice of leaves that arrived.
enum class Verdict { wanted, duplicate, unknown };

class ChunkBook;
class SourceBook;
struct Source;
struct Request;

class Download {
  public:
    struct Config {
        std::uint64_t seed{1};  // of the random ties
        std::uint32_t leaf_bytes{16 * 1024};
        std::uint64_t outstanding_bytes{3 * 512 * 1024};
        std::uint32_t run_leaves_max{64};
        Duration patience_min{std::chrono::milliseconds(500)};
        Duration patience_max{std::chrono::seconds(4)};
    };

    Download(Shape shape, Bitmap held, Config config);
    Download(Download&&) noexcept;
    Download& operator=(Download&&) noexcept;
    ~Download();

    // Sources. A source starts holding nothing.
    void handle_source(SourceId source, TimePoint now);
    void handle_source_gone(SourceId source, TimePoint now);
    // It drains: nothing more is asked of it, what is under way may arrive.
    void handle_closing(SourceId source);
    void handle_holds(SourceId source, const Bitmap& chunks);
    void handle_holds_all(SourceId source);
    void handle_have(SourceId source, ChunkIndex first, std::uint32_t count);

    // Leaves of `ask` arrived in order; ask for the verdict of each leaf before keeping it.
    // wanted: keep it, it counts as here from now on. A cancelled ask's late leaf may be wanted.
    Verdict handle_leaf(SourceId source, AskId ask, LeafIndex leaf, TimePoint now);
    void handle_done(SourceId source, AskId ask, TimePoint now);  // the run has arrived whole
    void handle_refused(SourceId source, AskId ask, Refusal why, TimePoint now);
    // `given` comes instead of what was asked for; call it before its first leaf.
    void handle_substituted(SourceId source, AskId ask, LeafRun given);

    // All leaves of an active chunk are here: did they verify?
    void handle_verified(ChunkIndex chunk);
    // Who sent each leaf of a ready chunk, in order: take it before handle_bad() to compare
    // with leaf hashes. Empty when the chunk is not ready.
    [[nodiscard]] std::vector<SourceId> senders(ChunkIndex chunk) const;
    // The sources that sent the chunk's leaves are returned, each once; with one, it is dropped by
    // the next poll(). With several, settle it with handle_liar() once leaf hashes tell, or not at
    // all: then the chunk is fetched again, whole from one source.
    std::vector<SourceId> handle_bad(ChunkIndex chunk);
    void handle_liar(SourceId source);
    // It did not verify, and that is explained: it is fetched again, and nobody is blamed.
    void handle_stale(ChunkIndex chunk);

    // Where it is read in order, from these chunks on (download_reading.cpp): what comes next
    // there is asked for before what is rare. Empty: nobody reads.
    void set_readers(std::vector<ChunkIndex> positions);

    // Stop asking (disk full, paused); what is under way may still arrive.
    void pause(bool paused);
    // Bytes per second that the shell will read at most; 0: unlimited. A hint: sources that
    // are slow because of it are not taken for stalled.
    void set_rate_limit(std::uint64_t bytes_per_second);

    // The next thing to do, until it returns nothing. Call after every batch of inputs and
    // when next_timeout() has passed.
    std::optional<Action> poll(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

    [[nodiscard]] bool complete() const;
    [[nodiscard]] const Bitmap& held() const;
    // True when every leaf of the chunk is here and it waits for a verdict.
    [[nodiscard]] bool ready(ChunkIndex chunk) const;
    // Some connected source holds something that is missing.
    [[nodiscard]] bool has_useful_source() const;
    // Some source holds a part of the file: what is verified here is wanted elsewhere at once.
    [[nodiscard]] bool in_crowd() const { return crowd_; }
    [[nodiscard]] std::uint64_t duplicate_leaves() const;
    // Bytes a second that the source has lately sent.
    [[nodiscard]] double rate(SourceId source, TimePoint now) const;
    // How many of the missing chunks the source claims to hold.
    [[nodiscard]] std::uint32_t claims(SourceId source) const;
    // Leaves asked of the source that have not arrived.
    [[nodiscard]] std::size_t outstanding(SourceId source) const;

    // For tests: aborts with a text when the inner books do not agree.
    void check_invariants() const;

  private:
    // What sources hold.
    void add_holding(Source& source, ChunkIndex chunk);
    void remove_holding(Source& source, ChunkIndex chunk);
    void clear_holdings(Source& source);
    void disbelieve(Source& source, LeafRun run);

    // Asks and leaves.
    Verdict arrive(Source& source, Request& request, LeafIndex leaf);
    Verdict arrive_late(Source& source, Request& request, LeafIndex leaf);
    Verdict accept(const Source& source, LeafIndex leaf);
    Action book(Source& source, LeafRun run, bool doubled, TimePoint now);
    [[nodiscard]] bool takes_substitute(const Source& source, LeafRun run) const;
    bool mark_given(Source& source, Request& request);
    void take_back(Source& source, Request& request, TimePoint now);
    void release(const Request& request);
    bool unask(LeafIndex leaf);
    void cancel(Source& source, std::size_t index);
    void cancel_all(Source& source);
    void cancel_redundant(LeafIndex leaf);
    static void forget_late(Source* source, AskId ask);

    // Chunks and sources.
    void open_chunk(ChunkIndex chunk, const Source& by);
    void close_if_empty(ChunkIndex chunk);
    void forget_run(const Source& source, LeafRun run);
    void abandon(ChunkIndex chunk);
    void abandon_owned(SourceId owner);
    void rest(Source& source, Duration first, Duration most, TimePoint now);
    void drop(SourceId source);
    void remove(SourceId source);

    // Who may ask for how much, and when to look again.
    void wake(Source& source);
    void wake_all();
    void schedule(TimePoint when);
    void look_at_timers(TimePoint now);
    void look_at(Source& source, TimePoint now);
    void share_out(TimePoint now);
    [[nodiscard]] bool maybe_crowd() const;
    [[nodiscard]] bool takes_share(const Source& source) const;
    void fit_window(Source& source) const;
    [[nodiscard]] Duration patience(const Source& source) const;
    [[nodiscard]] bool owed_elsewhere(const Source& source) const;

    // What to ask for next.
    std::optional<Action> try_ask(Source& source, TimePoint now);
    std::optional<LeafRun> pick_next_read(const Source& source);
    [[nodiscard]] bool may_read_ahead(const Source& source, ChunkIndex chunk) const;
    LeafRun open_for_reading(const Source& source, ChunkIndex chunk, bool may_span);
    [[nodiscard]] LeafRun unasked_run(const Source& source, ChunkIndex chunk) const;
    [[nodiscard]] std::optional<LeafRun> pick_open(const Source& source, bool mixing) const;
    std::optional<LeafRun> pick_fresh(const Source& source);
    [[nodiscard]] ChunkIndex go_on_or(const Source& source, ChunkIndex rarest) const;
    [[nodiscard]] LeafRun span_around(const Source& source, ChunkIndex chunk) const;
    [[nodiscard]] bool nothing_left() const;
    [[nodiscard]] bool enough_asked() const;
    std::optional<LeafRun> pick_double(const Source& source, TimePoint now);
    [[nodiscard]] bool may_double(const Source& source, LeafIndex leaf) const;
    std::optional<LeafRun> double_tail(const Source& source, const Source& slow, Request& request,
                                       double wait_s);
    std::optional<LeafRun> take_over(const Source& source, Source& slow, ChunkIndex chunk,
                                     double wait_s, TimePoint now);
    [[nodiscard]] double time_for(const Source& source, std::uint32_t leaves) const;

    Shape shape_;
    Config config_;
    std::unique_ptr<ChunkBook> chunks_;
    std::unique_ptr<SourceBook> sources_;
    std::deque<Action> actions_;     // decided, not yet polled
    std::deque<SourceId> eager_;     // sources that may have room for another ask
    std::set<ChunkIndex> disputed_;  // failed with several senders: fetched whole from one
    std::set<SourceId> banned_;
    std::vector<ChunkIndex> readers_;
    std::optional<TimePoint> wake_at_;  // no timer is due before
    std::optional<TimePoint> shared_out_at_;
    std::size_t sharers_{0};  // sources that had a share then
    std::uint64_t next_ask_{1};
    std::uint64_t duplicates_{0};
    std::uint64_t rate_limit_{0};
    bool paused_{false};
    bool crowd_{false};   // some source holds a part of the file
    bool capped_{false};  // somebody could not be asked, since enough had been
};

}  // namespace shoal::swarm
