// Reporter: shows the events of fetches, as text or with --json as objects.
#pragma once

#include "console.hpp"
#include "fetches.hpp"
#include "report.hpp"

namespace shoal::cli {

class Reporter {
  public:
    // Both outlive it.
    Reporter(Console& console, const Options& options, Idiom idiom);

    struct Taken {
        bool ours{false};                     // it is of one of `fetches`
        std::optional<Fetches::Entry> ended;  // that one, when this was all that came of it
    };
    // Passes the event through `fetches` first.
    Taken handle(const peer::Event& event, Fetches& fetches);
    // A failure that no event told.
    void show_failure(const peer::FetchDone& done);
    // In --json mode everything is an object, and nothing else is on stdout.
    [[nodiscard]] bool json() const { return json_; }
    void show_json(const peer::Event& event);

  private:
    void show_text(const peer::Event& event, const Fetches::Handled& handled);
    void show_done(const peer::FetchDone& done, const Fetches::Handled& handled);

    Console& console_;
    Idiom idiom_;
    bool json_;
};

}  // namespace shoal::cli
