// Session: what is typed at the prompt, done; whether it came from a keyboard or from a pipe.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "console.hpp"
#include "fetches.hpp"
#include "reporter.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

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
    [[nodiscard]] std::size_t pending() const { return fetches_.running().size() + orders_.size(); }

  private:
    void show_or_set_limits(std::optional<std::uint64_t> up, std::optional<std::uint64_t> down);
    void cancel(const std::string& which);
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
    bool quit_{false};
};

}  // namespace shoal::cli
