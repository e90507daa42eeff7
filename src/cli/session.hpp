// Session: what is typed at the prompt, done; whether it came from a keyboard or from a pipe.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "console.hpp"
#include "fetches.hpp"
#include "prompt_line.hpp"
#include "reporter.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

inline constexpr std::string_view greeting =
    "Type a filename to fetch it; 'help' lists the commands.\n";

// For a Ctrl-C at a prompt that fetches nothing itself.
std::string quit_warning(std::size_t served);

class Session {
  public:
    // `patient` downloads wait for a holder for ever, as at a keyboard; else --timeout ends them.
    Session(const Options& options, Console& console, Fetches& fetches, bool patient);

    void start(peer::PeerApi& api, peer::EventSink& sink);
    void execute(std::string_view line);
    // A line that could not be taken.
    void refuse(std::string_view why);
    void handle(const peer::Event& event);

    [[nodiscard]] bool quit_asked() const { return quit_; }
    // What was asked for and is not done.
    [[nodiscard]] std::size_t pending() const { return fetches_.pending() + orders_.size(); }
    // What is typed next may mean its results.
    [[nodiscard]] bool searching() const { return searching_.has_value(); }
    void stop_search();

  private:
    void show_or_set_limits(std::optional<std::uint64_t> up, std::optional<std::uint64_t> down);
    void cancel(const std::string& which);
    void search(SearchRequest request);
    [[nodiscard]] peer::FetchOrder rules_for(const PromptLine& asked) const;
    void get_found(const PromptLine& asked);
    void take_results(const peer::SearchResults& results);
    bool accepts_offer(std::string_view line);
    void offer_search(const peer::FetchDone& done, const Fetches::Entry& ended);
    void answered(const peer::Event& event, std::uint64_t order, const std::string& text);

    Console& console_;
    Fetches& fetches_;
    Reporter reporter_;
    peer::FetchOrder rules_;
    std::uint64_t upload_limit_;
    std::uint64_t download_limit_;
    peer::PeerApi* api_{nullptr};
    peer::EventSink* sink_{nullptr};
    std::set<std::uint64_t> orders_;  // lists and reports that have not come yet
    struct Searching {
        std::uint64_t order{};
        SearchRequest request;
    };
    std::optional<Searching> searching_;
    std::vector<peer::FoundFile> found_;     // by the last search
    std::optional<Fetches::Entry> offered_;  // what a "y" searches for
    bool patient_;
    bool quit_{false};
};

}  // namespace shoal::cli
