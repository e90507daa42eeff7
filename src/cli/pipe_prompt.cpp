#include "pipe_prompt.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace shoal::cli {
namespace {

constexpr std::size_t line_max = 64 * 1024;
// More are read when some of these are done, so that a long list of names costs no memory.
constexpr std::size_t pending_max = 64;
constexpr std::size_t read_size = 64 * 1024;

}  // namespace

PipePrompt::PipePrompt(const Options& options)
    : ConsoleFrontEnd(options, Console::Input::lines),
      typed_(::isatty(STDIN_FILENO) == 1),
      at_terminal_(typed_ && ::isatty(STDOUT_FILENO) == 1 && !options.json),
      session_(options, console_, fetches_, typed_),
      lines_(line_max) {}

void PipePrompt::start(peer::PeerApi& api, TimePoint now) {
    ConsoleFrontEnd::start(api, now);
    api_ = &api;
    session_.start(api, *this);
    inputs_.open(STDIN_FILENO, console_.log_fd());
    if (at_terminal_) {
        console_.out(greeting);
    }
    show_prompt();
}

void PipePrompt::show_prompt() {
    if (at_terminal_) {
        console_.show_prompt("shoal> ");
    }
}

bool PipePrompt::may_take_more() const {
    return signal_ == 0 && !session_.quit_asked() && !session_.searching() &&
           session_.pending() < pending_max;
}

void PipePrompt::handle_input(TimePoint) {
    console_.show_log();
    read_input();
}

void PipePrompt::read_input() {
    if (input_ended_ || !may_take_more() ||
        !(inputs_.always_ready() || InputSet::readable(STDIN_FILENO))) {
        return;
    }
    std::array<char, read_size> bytes;
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (got > 0) {
        lines_.feed({bytes.data(), static_cast<std::size_t>(got)});
    } else {
        input_ended_ = true;
        lines_.end();
    }
    take_lines();
}

void PipePrompt::take_lines() {
    bool taken = false;
    while (may_take_more()) {
        const auto line = lines_.next();
        if (!line) {
            break;
        }
        console_.line_taken();
        warned_ = false;
        line->too_long ? session_.refuse("a line of more than 64 KiB was ignored")
                       : session_.execute(line->text);
        taken = true;
    }
    if (session_.quit_asked() || input_ended_) {
        give_up_if_typed();
    } else if (taken) {
        show_prompt();
    }
    inputs_.watch_input(!input_ended_ && may_take_more());
}

// Who leaves the keyboard does not want to wait for a holder that may never come.
void PipePrompt::give_up_if_typed() {
    if (typed_) {
        fetches_.cancel_all();
    }
}

void PipePrompt::deliver(const peer::Event& event) {
    session_.handle(event);
    take_lines();
}

std::optional<TimePoint> PipePrompt::next_timeout() const {
    // A file is read on at once; the requester sees to its sockets in between.
    return inputs_.always_ready() ? std::optional(TimePoint{}) : console_.next_timeout();
}

void PipePrompt::handle_timeout(TimePoint now) {
    console_.handle_timeout(now);
    if (inputs_.always_ready()) {
        read_input();
    }
}

void PipePrompt::handle_signal(int signal, TimePoint) {
    const bool idle = session_.pending() == 0;
    session_.stop_search();
    fetches_.cancel_all();
    if (typed_ && signal == SIGINT && !std::exchange(warned_, true)) {
        // The terminal has dropped what was typed of a line, and does not say whether that was any.
        const std::size_t served = idle ? api_->served_now() : 0;
        return console_.err(served > 0 ? quit_warning(served)
                            : idle     ? "Ctrl-C once more quits.\n"
                                       : "Stopped; Ctrl-C once more quits.\n");
    }
    signal_ = signal;
    leaving_ = true;
    inputs_.watch_input(false);
}

std::optional<int> PipePrompt::finished() const {
    if (console_.broken()) {
        return 1;
    }
    if (signal_ != 0) {
        return fetches_.pending() == 0 ? std::optional(signal_code(signal_)) : std::nullopt;
    }
    const bool asked_all = session_.quit_asked() || (input_ended_ && lines_.buffered() == 0);
    return asked_all && session_.pending() == 0 ? std::optional(typed_ ? 0 : fetches_.worst())
                                                : std::nullopt;
}

}  // namespace shoal::cli
