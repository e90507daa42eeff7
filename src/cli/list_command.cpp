#include "list_command.hpp"

#include "json.hpp"
#include "report.hpp"

namespace shoal::cli {

ListCommand::ListCommand(const Options& options)
    : ConsoleFrontEnd(options, Console::Input::none),
      prefix_(options.arguments.empty() ? "" : options.arguments.front()),
      wait_hosts_(options.wait_hosts),
      timeout_(options.timeout),
      json_(options.json) {}

void ListCommand::start(peer::PeerApi& api, TimePoint now) {
    ConsoleFrontEnd::start(api, now);
    api.list(prefix_, list_rows_max, wait_hosts_, timeout_, *this);
}

void ListCommand::deliver(const peer::Event& event) {
    const auto* list = std::get_if<peer::FileList>(&event);
    if (list == nullptr) {
        return;
    }
    if (json_) {
        console_.out(json_line(event));
    } else {
        console_.out(list_table(*list));
        console_.err(list_summary(*list));
    }
    code_ = static_cast<int>(list->problem.value_or(peer::Outcome::done));
}

void ListCommand::handle_signal(int signal, TimePoint) { code_ = signal_code(signal); }

std::optional<int> ListCommand::finished() const { return console_.broken() ? 1 : code_; }

}  // namespace shoal::cli
