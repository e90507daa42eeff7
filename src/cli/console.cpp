#include "console.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "fetches.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

constexpr Duration frame_time = std::chrono::milliseconds(100);
constexpr Duration plain_time = std::chrono::seconds(1);
constexpr Duration close_time = std::chrono::seconds(5);
constexpr std::size_t backlog_max = 64 * 1024;  // frames nobody reads are not worth more
constexpr std::size_t lines_max = 5;

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

Style style_here() {
    const bool utf8 = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
    return {utf8, !is_set("NO_COLOR")};  // no-color.org
}

}  // namespace

bool can_draw(int fd) {
    const char* term = std::getenv("TERM");
    return ::isatty(fd) == 1 && term != nullptr && *term != '\0' && std::strcmp(term, "dumb") != 0;
}

Console::Console(const Options& options, Input input)
    : style_(style_here()), editor_(input == Input::editor) {
    const bool drawable = can_draw(editor_ ? STDOUT_FILENO : STDERR_FILENO);
    // Lines typed at a terminal and a block drawn beneath them would overwrite each other.
    const bool typed = input == Input::lines && ::isatty(STDIN_FILENO) == 1;
    if (options.progress == Progress::always) {
        show_ = drawable && !typed && !options.json ? Show::block : Show::plain;
    } else if (options.progress == Progress::automatic && !options.json) {
        const bool person = ::isatty(STDERR_FILENO) == 1;
        show_ = drawable && !typed ? Show::block : person ? Show::plain : Show::nothing;
    }
    one_terminal_ = editor_ || (show_ == Show::block && ::isatty(STDOUT_FILENO) == 1);
}

void Console::start(const Fetches& fetches) {
    fetches_ = &fetches;
    log_.emplace();
}

std::size_t Console::columns() const {
    winsize size{};
    const int fd = editor_ ? STDOUT_FILENO : STDERR_FILENO;
    constexpr std::size_t usual = 80;
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

void Console::out(std::string_view text) {
    if (text.empty()) {
        return;
    }
    if (!prompt_.empty()) {
        return out_beside_prompt(text);
    }
    one_terminal_ ? write_block(text) : output_.out(text);
}

void Console::err(std::string_view text) {
    if (text.empty()) {
        return;
    }
    if (!prompt_.empty() && ::isatty(STDERR_FILENO) == 1) {
        return out_beside_prompt(text);
    }
    one_terminal_ || show_ == Show::block ? write_block(text) : output_.err(text);
}

void Console::show_prompt(std::string_view prompt) {
    prompt_ = prompt;
    output_.out(prompt);
}

void Console::out_beside_prompt(std::string_view text) {
    output_.out("\n" + std::string(text) + prompt_);
}

void Console::put_screen(std::string_view bytes) {
    editor_ ? output_.out(bytes) : output_.err(bytes);
}

void Console::write_block(std::string_view above) {
    const std::size_t width = columns();
    screen_.set_columns(width);
    const auto footer = footer_ ? std::optional(footer_(width)) : std::nullopt;
    put_screen(screen_.draw(above, block(), footer));
}

std::vector<std::string> Console::block() const {
    std::vector<std::string> lines;
    if (show_ != Show::block || fetches_ == nullptr) {
        return lines;
    }
    const auto& running = fetches_->running();
    std::size_t more = 0;
    const std::size_t room = columns() - 1;  // the last column would wrap on some terminals
    for (const auto& [fetch, entry] : running) {
        if (!entry.progress) {
            continue;
        }
        if (lines.size() == lines_max) {
            ++more;
            continue;
        }
        const unsigned number = running.size() > 1 ? entry.number : 0;
        lines.push_back(progress_line(*entry.progress, number, room, style_));
    }
    if (more > 0) {
        lines.push_back("+" + std::to_string(more) + " more");
    }
    return lines;
}

void Console::draw() {
    if (one_terminal_ || show_ == Show::block) {
        write_block("");
    }
}

void Console::hide() {
    screen_.set_columns(columns());
    put_screen(screen_.clear());
}

void Console::clear_terminal() {
    put_screen("\x1b[H\x1b[2J");
    screen_.forget();
    draw();
}

void Console::set_footer(FooterOf footer) {
    footer_ = std::move(footer);
    draw();
}

void Console::show_log() {
    if (!log_) {
        return;
    }
    std::string lines;
    for (const std::string& line : log_->take()) {
        lines += line + "\n";
    }
    err(lines);
}

void Console::progress_changed() {
    if (show_ != Show::nothing && !due_) {
        due_ = last_shown_ + (show_ == Show::plain ? plain_time : frame_time);
    }
}

void Console::handle_timeout(TimePoint now) {
    if (!due_ || now < *due_) {
        return;
    }
    due_.reset();
    last_shown_ = now;
    if (output_.backlog() > backlog_max) {
        progress_changed();
    } else if (show_ == Show::plain) {
        print_plain_progress();
    } else {
        draw();
    }
}

void Console::print_plain_progress() {
    std::string lines;
    for (const auto& [fetch, entry] : fetches_->running()) {
        lines += entry.progress ? progress_text(*entry.progress) + "\n" : "";
    }
    err(lines);
}

void Console::close() {
    footer_ = nullptr;
    if (!std::exchange(prompt_, {}).empty()) {
        output_.out("\n");
    }
    show_log();
    hide();
    if (output_.failure() != 0 && output_.failure() != EPIPE) {
        output_.err("shoal: cannot write to standard output: " +
                    std::string(std::strerror(output_.failure())) + "\n");
    }
    output_.flush(close_time);
    log_.reset();
}

}  // namespace shoal::cli
