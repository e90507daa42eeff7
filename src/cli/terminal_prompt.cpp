#include "terminal_prompt.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "completion.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/signals.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::string_view prompt = "shoal> ";
constexpr std::size_t names_max = 10'000;
constexpr Duration names_age_max = std::chrono::seconds(3);
constexpr Duration names_timeout = std::chrono::seconds(2);
constexpr std::size_t match_rows_max = 10;

}  // namespace

TerminalPrompt::TerminalPrompt(const Options& options)
    : ConsoleFrontEnd(options, Console::Input::editor),
      session_(options, console_, fetches_, true),
      terminal_(STDIN_FILENO),
      hangup_ignored_(is_ignored(SIGHUP)),
      history_path_(options.peer.state + "/history"),
      editor_(history_) {}

void TerminalPrompt::start(peer::PeerApi& api, TimePoint now) {
    ConsoleFrontEnd::start(api, now);
    api_ = &api;
    session_.start(api, *this);
    inputs_.open(STDIN_FILENO, console_.log_fd());
    if (const Status loaded = load_history(history_, history_path_); !loaded) {
        log::warning(loaded.error().message);
        history_works_ = false;
    }
    terminal_.enter();
    console_.out(paste_marks_on);
    console_.out(greeting);
    draw();
}

void TerminalPrompt::draw() {
    if (code_ || detached_) {
        return;
    }
    console_.set_footer([this](std::size_t columns) {
        LineEditor::View view = editor_.view(prompt, columns - 1);
        return Screen::Footer{std::move(view.line), view.cursor};
    });
}

void TerminalPrompt::handle_input(TimePoint) {
    console_.show_log();
    if (code_ || !InputSet::readable(STDIN_FILENO)) {
        return;
    }
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (got <= 0) {
        return terminal_gone();
    }
    for (const auto& action : editor_.feed({bytes.data(), static_cast<std::size_t>(got)})) {
        act(action);
    }
    draw();
}

// Who was started so that a hang-up is ignored (nohup) goes on without a keyboard.
void TerminalPrompt::terminal_gone() {
    if (!hangup_ignored_) {
        return quit(0);
    }
    detached_ = true;
    console_.set_footer(nullptr);
    inputs_.watch_input(false);
    terminal_.leave();
}

void TerminalPrompt::act(const LineEditor::Action& action) {
    using Kind = LineEditor::Action::Kind;
    if (code_) {
        return;
    }
    switch (action.kind) {
        case Kind::line:
            return take_line(action.text);
        case Kind::complete:
            return ask_for_names();
        case Kind::interrupt:
            return interrupt();
        case Kind::end_of_input:
            return quit(0);
        case Kind::suspend:
            return suspend();
        case Kind::clear_screen:
            return console_.clear_terminal();
    }
}

void TerminalPrompt::take_line(const std::string& line) {
    warned_ = false;
    console_.out(std::string(prompt) + text::escape(line) + "\n");
    remember(line);
    session_.execute(line);
    if (session_.quit_asked()) {
        quit(0);
    }
}

void TerminalPrompt::remember(const std::string& line) {
    if (!history_.add(line) || !history_works_) {
        return;
    }
    if (const Status written = append_history(history_path_, line); !written) {
        log::warning(written.error().message + "; it is kept for this session only");
        history_works_ = false;
    }
}

void TerminalPrompt::interrupt() {
    const bool idle = fetches_.pending() == 0 && !session_.searching();
    const std::size_t served = idle ? api_->served_now() : 0;
    if ((idle && served == 0) || warned_) {
        return quit(signal_code(SIGINT));
    }
    warned_ = true;
    session_.stop_search();
    fetches_.cancel_all();
    console_.err(idle ? quit_warning(served) : "Stopped; Ctrl-C once more quits.\n");
}

void TerminalPrompt::suspend() {
    console_.hide();
    terminal_.suspend();
    console_.out(paste_marks_on);
}

// From here on the keyboard is the shell's again, so that nothing can leave it raw.
void TerminalPrompt::quit(int code) {
    if (code_) {
        at_once_ = true;
        return;
    }
    code_ = code;
    console_.set_footer(nullptr);
    inputs_.watch_input(false);
    terminal_.leave();
    fetches_.cancel_all();
}

void TerminalPrompt::handle_signal(int signal, TimePoint) { quit(signal_code(signal)); }

std::optional<int> TerminalPrompt::finished() const {
    if (console_.broken() && !hangup_ignored_) {
        return code_.value_or(1);
    }
    return at_once_ || fetches_.pending() == 0 ? code_ : std::nullopt;
}

void TerminalPrompt::close() {
    terminal_.leave();
    ConsoleFrontEnd::close();
}

void TerminalPrompt::ask_for_names() {
    completing_ = editor_.before_cursor();
    if (!names_.empty() && steady_now() - names_time_ < names_age_max) {
        complete_line();
    } else if (names_order_ == 0) {
        names_order_ = api_->list("", names_max, 0, names_timeout, *this);
    }
}

void TerminalPrompt::complete_line() {
    if (completing_ != editor_.before_cursor()) {
        return;  // the user has typed on
    }
    const Completion found = complete(completing_, names_);
    if (!found.insert.empty()) {
        editor_.insert(found.insert);
    } else if (found.matches.size() > 1) {
        console_.out(match_table(found.matches, console_.columns(), match_rows_max));
    }
}

void TerminalPrompt::deliver(const peer::Event& event) {
    const auto* list = std::get_if<peer::FileList>(&event);
    if (list == nullptr || names_order_ == 0 || list->order != names_order_) {
        return session_.handle(event);
    }
    names_order_ = 0;
    names_time_ = steady_now();
    names_.clear();
    for (const peer::FileRow& row : list->rows) {
        names_.push_back(row.name);
    }
    if (!code_) {
        complete_line();
        draw();
    }
}

}  // namespace shoal::cli
