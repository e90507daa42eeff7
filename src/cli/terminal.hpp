// Terminal: the keyboard's raw mode, and the certainty that it ends with us.
#pragma once

namespace shoal::cli {

// At most one exists. While raw, keys arrive one by one and unseen, Ctrl-C and Ctrl-Z as bytes.
// Output is not touched: '\n' still begins a line.
class Terminal {
  public:
    explicit Terminal(int fd) : fd_(fd) {}
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() { leave(); }

    // Also at exit() and when a fatal signal ends the process, the old mode comes back.
    void enter();
    void leave();

    // False when it has hung up. Any thread.
    [[nodiscard]] bool is_there() const;

    // The shell's Ctrl-Z: stops this process and its group; returns when it goes on.
    void suspend();

  private:
    int fd_;
};

// What switches marked pastes on and off (xterm's mode 2004).
inline constexpr const char* paste_marks_on = "\x1b[?2004h";
inline constexpr const char* paste_marks_off = "\x1b[?2004l";

}  // namespace shoal::cli
