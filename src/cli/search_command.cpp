#include "search_command.hpp"

#include "json.hpp"
#include "search_report.hpp"

namespace shoal::cli {

SearchCommand::SearchCommand(const Options& options)
    : ConsoleFrontEnd(options, Console::Input::none), request_(options.search) {
    for (const std::string& word : options.arguments) {
        request_.order.pattern += (request_.order.pattern.empty() ? "" : " ") + word;
    }
    request_.order.wait_hosts = options.wait_hosts;
    request_.json = options.json;
}

void SearchCommand::start(peer::PeerApi& api, TimePoint now) {
    ConsoleFrontEnd::start(api, now);
    api.search(request_.order, *this);
}

void SearchCommand::deliver(const peer::Event& event) {
    const auto* results = std::get_if<peer::SearchResults>(&event);
    if (results == nullptr) {
        return;
    }
    if (request_.json) {
        console_.out(json_line(event));
    } else {
        console_.out(search_table(*results, request_.show_path));
        console_.err(search_summary(*results));
    }
    code_ = search_code(*results);
}

void SearchCommand::handle_signal(int signal, TimePoint) { code_ = signal_code(signal); }

std::optional<int> SearchCommand::finished() const { return console_.broken() ? 1 : code_; }

}  // namespace shoal::cli
