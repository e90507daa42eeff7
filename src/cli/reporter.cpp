#include "reporter.hpp"

#include <utility>

#include "fetch_report.hpp"
#include "json.hpp"

namespace shoal::cli {
namespace {

bool is_of_a_fetch(const peer::Event& event) {
    return std::holds_alternative<peer::FetchStarted>(event) ||
           std::holds_alternative<peer::FetchProgress>(event) ||
           std::holds_alternative<peer::FetchNote>(event) ||
           std::holds_alternative<peer::FetchDone>(event);
}

}  // namespace

Reporter::Reporter(Console& console, const Options& options, Idiom idiom)
    : console_(console), idiom_(std::move(idiom)), json_(options.json) {}

Reporter::Taken Reporter::handle(const peer::Event& event, Fetches& fetches) {
    if (const auto* results = std::get_if<peer::SearchResults>(&event)) {
        const Fetches::Sought sought = fetches.handle_results(*results);
        if (sought.done) {
            show_failure(*sought.done);
        }
        return {sought.ours, std::nullopt};
    }
    if (!is_of_a_fetch(event)) {
        return {};
    }
    Fetches::Handled handled = fetches.handle(event);
    if (!handled.show) {
        return {true, std::nullopt};
    }
    json_ ? show_json(event) : show_text(event, handled);
    console_.progress_changed();
    return {true, std::move(handled.ended)};
}

void Reporter::show_failure(const peer::FetchDone& done) {
    json_ ? show_json(done) : console_.err(failure_lines(done, std::nullopt, idiom_));
}

void Reporter::show_json(const peer::Event& event) { console_.out(json_line(event)); }

void Reporter::show_text(const peer::Event& event, const Fetches::Handled& handled) {
    if (const auto* started = std::get_if<peer::FetchStarted>(&event)) {
        console_.err(started_line(*started));
    } else if (const auto* note = std::get_if<peer::FetchNote>(&event)) {
        console_.err(note_line(*note));
    } else if (const auto* done = std::get_if<peer::FetchDone>(&event)) {
        show_done(*done, handled);
    }
}

void Reporter::show_done(const peer::FetchDone& done, const Fetches::Handled& handled) {
    if (done.plan) {
        console_.out(plan_text(done));
    } else if (done.outcome == peer::Outcome::done) {
        console_.out(closing_line(done));
    } else {
        const auto last = handled.ended ? handled.ended->progress : std::nullopt;
        console_.err(failure_lines(done, last, idiom_));
    }
    if (done.times && !done.already_here) {
        console_.out(times_text(*done.times));
    }
}

}  // namespace shoal::cli
