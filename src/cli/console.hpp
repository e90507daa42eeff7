// Console: everything a front end shows. Results go to stdout, the rest to stderr; on a terminal
// progress is drawn beneath both, at most ten times a second, and log lines appear above it.
//
// Belongs to the requester's thread. Names in what is shown are already escaped.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "log_queue.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "screen.hpp"
#include "shoal/base/time.hpp"
#include "shoal/cli/options.hpp"

namespace shoal::cli {

class Fetches;

class Console {
  public:
    enum class Input { none, lines, editor };  // editor: the console owns the terminal

    Console(const Options& options, Input input);

    // From now on the log comes here, and progress of `fetches` is shown.
    void start(const Fetches& fetches);
    void out(std::string_view text);
    void err(std::string_view text);

    // Readable when log lines wait.
    [[nodiscard]] int log_fd() const { return log_ ? log_->fd() : -1; }
    void show_log();

    void progress_changed();
    // Draws the line being edited, in so many columns; drawn at once, and whenever the rest is.
    using FooterOf = std::function<Screen::Footer(std::size_t columns)>;
    void set_footer(FooterOf footer);
    // On a terminal that cannot be drawn on: what stands in front of the line being typed. What is
    // shown meanwhile begins a line of its own, and the prompt is shown again behind it.
    void show_prompt(std::string_view prompt);
    void line_taken() { prompt_.clear(); }
    void clear_terminal();
    // The block is taken away, for a pause or for good; draw() brings it back.
    void hide();
    void draw();

    [[nodiscard]] std::size_t columns() const;
    [[nodiscard]] Style style() const { return style_; }

    [[nodiscard]] int output_fd() const { return output_.waiting_fd(); }
    void handle_output() { output_.write_ready(); }
    [[nodiscard]] std::optional<TimePoint> next_timeout() const { return due_; }
    void handle_timeout(TimePoint now);

    // stdout is gone: nobody is left to tell.
    [[nodiscard]] bool broken() const { return output_.failure() != 0; }
    // Shows what waits and writes it out, for at most five seconds; the log goes to stderr again.
    void close();

  private:
    enum class Show { nothing, plain, block };

    [[nodiscard]] std::vector<std::string> block() const;
    void write_block(std::string_view above);
    void put_screen(std::string_view bytes);
    void print_plain_progress();
    void out_beside_prompt(std::string_view text);

    Output output_;
    Screen screen_;
    Style style_;
    Show show_{Show::nothing};
    bool editor_;
    bool one_terminal_;  // stdout and stderr are the terminal that is drawn on
    const Fetches* fetches_{nullptr};
    std::optional<LogQueue> log_;
    FooterOf footer_;
    std::string prompt_;
    std::optional<TimePoint> due_;
    TimePoint last_shown_{};
};

// Whether the terminal on `fd` understands control sequences.
bool can_draw(int fd);

}  // namespace shoal::cli
