#include "serve_command.hpp"

#include "json.hpp"
#include "shoal/base/log.hpp"

namespace shoal::cli {

ServeCommand::ServeCommand(const Options& options)
    : ConsoleFrontEnd(options, Console::Input::none), json_(options.json) {}

void ServeCommand::deliver(const peer::Event& event) {
    if (json_) {
        console_.out(json_line(event));
        return;
    }
    if (const auto* notice = std::get_if<peer::Notice>(&event)) {
        const bool warns = notice->kind == peer::Notice::Kind::warning;
        warns ? log::warning(notice->text) : log::info(notice->text);
    }
}

// To be stopped is how a service ends well; the peer drains its uploads before it is gone.
void ServeCommand::handle_signal(int, TimePoint) { stopped_ = true; }

std::optional<int> ServeCommand::finished() const {
    if (console_.broken()) {
        return 1;
    }
    return stopped_ ? std::optional(0) : std::nullopt;
}

}  // namespace shoal::cli
