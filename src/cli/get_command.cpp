#include "get_command.hpp"

#include "shoal/base/log.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t running_max = 64;

}  // namespace

GetCommand::GetCommand(const Options& options)
    : ConsoleFrontEnd(options, Console::Input::none),
      stay_(options.stay),
      reporter_(console_, options,
                {"shoal get", options.peer.downloads, "the same command goes on from there"}),
      waiting_(options.arguments.begin(), options.arguments.end()) {
    using Clash = peer::FetchOrder::OnClash;
    rules_.on_clash = options.rename ? Clash::rename : Clash::refuse;
    rules_.wait_for_holders = false;
    rules_.timeout = options.timeout;
    rules_.wait_hosts = options.wait_hosts;
    rules_.plan = options.plan;
    rules_.explain = options.explain;
    if (options.search_beyond) {
        fetches_.seek_always();
    }
}

void GetCommand::start(peer::PeerApi& api, TimePoint now) {
    ConsoleFrontEnd::start(api, now);
    order_more();
}

void GetCommand::order_more() {
    while (!waiting_.empty() && fetches_.pending() < running_max) {
        fetches_.order(wanted(waiting_.front()), rules_);
        waiting_.pop_front();
    }
}

void GetCommand::deliver(const peer::Event& event) {
    if (const auto* notice = std::get_if<peer::Notice>(&event)) {
        using Kind = peer::Notice::Kind;
        const bool matters = notice->kind == Kind::refused || notice->kind == Kind::warning;
        if (reporter_.json()) {
            reporter_.show_json(event);
        } else if (matters) {
            log::warning(notice->text);
        } else {
            log::debug(notice->text);
        }
        return;
    }
    reporter_.handle(event, fetches_);
    order_more();
    if (stay_ && fetches_.pending() == 0 && std::holds_alternative<peer::FetchDone>(event)) {
        log::info("all is done; serving on until a signal");
    }
}

void GetCommand::handle_signal(int signal, TimePoint) {
    signal_ = signal;
    waiting_.clear();
    fetches_.cancel_all();
}

std::optional<int> GetCommand::finished() const {
    if (console_.broken()) {
        return 1;  // what has arrived is kept by the peer's own end
    }
    if (fetches_.pending() != 0 || !waiting_.empty()) {
        return std::nullopt;
    }
    if (signal_ != 0) {
        // --stay ends by a signal, and that is its success.
        const bool served = stay_ && fetches_.worst() != static_cast<int>(peer::Outcome::cancelled);
        return served ? fetches_.worst() : signal_code(signal_);
    }
    return stay_ ? std::nullopt : std::optional(fetches_.worst());
}

}  // namespace shoal::cli
