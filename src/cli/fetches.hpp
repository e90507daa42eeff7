// Fetches: what was asked for and is not done yet, and how badly the rest ended.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "found.hpp"
#include "shoal/peer/peer_api.hpp"
#include "wanted.hpp"

namespace shoal::cli {

class Fetches {
  public:
    struct Entry {
        unsigned number{};  // 1, 2, ... in the order asked, never used for anything else
        Wanted wanted;      // what is being tried
        Wanted typed;       // what was asked for
        peer::FetchOrder rules;
        bool sought{false};  // by a search already
        std::optional<peer::FetchProgress> progress;
    };

    // Both outlive this.
    void start(peer::PeerApi& api, peer::EventSink& sink);
    // `rules` says all but what to fetch.
    void order(const Wanted& what, peer::FetchOrder rules);
    // What a search has found: that content, from those hosts, saved as `name`.
    void order(const peer::FoundFile& file, const std::string& name, peer::FetchOrder rules);
    // Searches for what is wanted by a fetch that has ended, and fetches what most have under it.
    void seek(Entry entry);
    // From now on that is done for each name that no known host has.
    void seek_always() { seek_always_ = true; }

    struct Handled {
        bool show{true};             // false: not ours, or tried again under its literal name
        std::optional<Entry> ended;  // with FetchDone: what is known of it; nothing else follows
    };
    Handled handle(const peer::Event& event);
    struct Sought {
        bool ours{false};                     // the results of one of those searches
        std::optional<peer::FetchDone> done;  // how it ended, when there is nothing to fetch
    };
    Sought handle_results(const peer::SearchResults& results);

    void cancel_all();
    // By name as typed or as shown, else by number; false when none fits.
    bool cancel(const std::string& which);

    [[nodiscard]] const std::map<FetchId, Entry>& running() const { return running_; }
    // Those that are searched for included.
    [[nodiscard]] std::size_t pending() const { return running_.size() + seeking_.size(); }
    // The largest exit code so far: that is what "the worst" means.
    [[nodiscard]] int worst() const { return worst_; }
    void note_code(int code);

  private:
    Handled handle_done(const peer::FetchDone& done);
    void begin(Entry entry);
    void begin(const peer::FoundFile& file, Entry entry);
    void begin_literally(Entry entry);
    static peer::FetchDone unfound(const peer::SearchResults& results, const Choice& choice,
                                   const std::string& name);

    peer::PeerApi* api_{nullptr};
    peer::EventSink* sink_{nullptr};
    std::map<FetchId, Entry> running_;        // ids grow, so oldest first
    std::map<std::uint64_t, Entry> seeking_;  // by the order of the search
    bool seek_always_{false};
    unsigned count_{0};
    int worst_{0};
};

}  // namespace shoal::cli
