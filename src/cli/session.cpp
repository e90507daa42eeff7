#include "session.hpp"

#include <utility>

#include "json.hpp"
#include "list_command.hpp"
#include "search_report.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

std::string limit_text(std::uint64_t bytes_per_second) {
    return bytes_per_second == 0 ? "off" : text::rate(static_cast<double>(bytes_per_second));
}

}  // namespace

std::string quit_warning(std::size_t served) {
    return std::to_string(served) + (served == 1 ? " host fetches" : " hosts fetch") +
           " from here; Ctrl-C once more quits.\n";
}

Session::Session(const Options& options, Console& console, Fetches& fetches, bool patient)
    : console_(console),
      fetches_(fetches),
      reporter_(console, options,
                {"get", options.peer.downloads, "type the name again to go on from there"}),
      upload_limit_(options.peer.max_upload),
      download_limit_(options.peer.max_download),
      patient_(patient) {
    if (options.search_beyond) {
        fetches_.seek_always();
    }
    rules_.wait_for_holders = patient;
    rules_.timeout = options.timeout;
    rules_.wait_hosts = options.wait_hosts;
}

void Session::start(peer::PeerApi& api, peer::EventSink& sink) {
    api_ = &api;
    sink_ = &sink;
}

void Session::refuse(std::string_view why) {
    fetches_.note_code(static_cast<int>(peer::Outcome::usage));
    console_.err(std::string(why) + "\n");
}

void Session::execute(std::string_view line) {
    if (accepts_offer(line)) {
        return;
    }
    const PromptLine asked = parse_prompt_line(line);
    using Verb = PromptLine::Verb;
    switch (asked.verb) {
        case Verb::nothing:
            return;
        case Verb::get:
            return fetches_.order(asked.wanted, rules_for(asked));
        case Verb::list:
            orders_.insert(api_->list(asked.argument, list_rows_max, rules_.wait_hosts,
                                      rules_.timeout, *sink_));
            return;
        case Verb::get_found:
            return get_found(asked);
        case Verb::search:
            return search(asked.search);
        case Verb::peers:
            orders_.insert(api_->peers(*sink_));
            return;
        case Verb::status:
            orders_.insert(api_->status(*sink_));
            return;
        case Verb::limit:
            return show_or_set_limits(asked.up, asked.down);
        case Verb::cancel:
            return cancel(asked.argument);
        case Verb::help:
            return reporter_.json() ? console_.err(prompt_help(asked.argument))
                                    : console_.out(prompt_help(asked.argument));
        case Verb::quit:
            quit_ = true;
            return;
        case Verb::wrong:
            return refuse(asked.error);
    }
}

// Searches ----------------------------------------------------------------------------------------

void Session::search(SearchRequest request) {
    stop_search();
    request.order.wait_hosts = rules_.wait_hosts;
    request.json |= reporter_.json();
    const std::uint64_t order = api_->search(request.order, *sink_);
    orders_.insert(order);
    searching_ = {order, std::move(request)};
}

void Session::stop_search() {
    if (searching_) {
        api_->cancel_search(searching_->order);
    }
}

void Session::take_results(const peer::SearchResults& results) {
    orders_.erase(results.order);
    if (!searching_ || searching_->order != results.order) {
        return;  // another one was begun meanwhile
    }
    const SearchRequest request = std::move(searching_->request);
    searching_.reset();
    // Else the last results are still there to be picked from.
    if (results.problem.value_or(peer::Outcome::incomplete) == peer::Outcome::incomplete) {
        found_ = results.files;
    }
    if (request.json) {
        reporter_.show_json(results);
    } else {
        console_.out(search_table(results, request.show_path));
        console_.err(search_summary(results));
    }
    fetches_.note_code(search_code(results));
}

peer::FetchOrder Session::rules_for(const PromptLine& asked) const {
    peer::FetchOrder rules = rules_;
    rules.plan = asked.plan;
    rules.explain = asked.explain;
    return rules;
}

void Session::get_found(const PromptLine& asked) {
    for (const std::size_t number : asked.numbers) {
        if (number > found_.size()) {
            return refuse(found_.empty()
                              ? "no search has found anything yet; write: search NAME"
                              : "there is no #" + std::to_string(number) +
                                    "; the last search found " + std::to_string(found_.size()));
        }
    }
    for (const std::size_t number : asked.numbers) {
        const peer::FoundFile& file = found_[number - 1];
        fetches_.order(file, file.name, rules_for(asked));
    }
}

// At a keyboard only: a script says beforehand what it wants (--search).
void Session::offer_search(const peer::FetchDone& done, const Fetches::Entry& ended) {
    if (!patient_ || done.outcome != peer::Outcome::not_found || ended.sought ||
        !done.versions.empty() || done.name.ends_with('/')) {
        return;
    }
    offered_ = ended;
    offered_->wanted = ended.typed;
    console_.err("Search for '" + text::escape(ended.typed.shown) +
                 "' beyond the hosts known here, and fetch it? Type y for yes.\n");
}

bool Session::accepts_offer(std::string_view line) {
    auto offered = std::exchange(offered_, std::nullopt);
    if (!offered || (line != "y" && line != "yes")) {
        return false;
    }
    fetches_.seek(std::move(*offered));
    return true;
}

void Session::show_or_set_limits(std::optional<std::uint64_t> up,
                                 std::optional<std::uint64_t> down) {
    if (up || down) {
        api_->set_limits(up, down);
        upload_limit_ = up.value_or(upload_limit_);
        download_limit_ = down.value_or(download_limit_);
    }
    if (reporter_.json()) {
        console_.out(JsonObject()
                         .text("event", "limits")
                         .number("upload", upload_limit_)
                         .number("download", download_limit_)
                         .str() +
                     "\n");
        return;
    }
    console_.out("limits: up " + limit_text(upload_limit_) + ", down " +
                 limit_text(download_limit_) + "\n");
}

void Session::cancel(const std::string& which) {
    if (which.empty() || (which == "all" && !fetches_.cancel("all"))) {
        if (fetches_.pending() == 0) {
            console_.err("nothing is being fetched\n");
        }
        fetches_.cancel_all();
    } else if (which != "all" && !fetches_.cancel(which)) {
        refuse("no download is called '" + text::escape(which) + "' or has that number");
    }
}

void Session::answered(const peer::Event& event, std::uint64_t order, const std::string& text) {
    orders_.erase(order);
    reporter_.json() ? reporter_.show_json(event) : console_.out(text);
}

void Session::handle(const peer::Event& event) {
    const Reporter::Taken taken = reporter_.handle(event, fetches_);
    const auto* done = std::get_if<peer::FetchDone>(&event);
    if (done != nullptr && taken.ended) {
        offer_search(*done, *taken.ended);
    }
    if (taken.ours) {
        return;
    }
    if (const auto* results = std::get_if<peer::SearchResults>(&event)) {
        return take_results(*results);
    }
    if (const auto* list = std::get_if<peer::FileList>(&event)) {
        answered(event, list->order, list_table(*list));
        console_.err(reporter_.json() ? "" : list_summary(*list));
        fetches_.note_code(static_cast<int>(list->problem.value_or(peer::Outcome::done)));
    } else if (const auto* peers = std::get_if<peer::PeerList>(&event)) {
        answered(event, peers->order, peer_table(*peers));
    } else if (const auto* status = std::get_if<peer::StatusReport>(&event)) {
        answered(event, status->order, status_lines(*status));
    } else if (const auto* notice = std::get_if<peer::Notice>(&event)) {
        reporter_.json() ? reporter_.show_json(event)
                         : console_.err(text::escape(notice->text) + "\n");
    }
}

}  // namespace shoal::cli
