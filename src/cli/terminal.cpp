#include "terminal.hpp"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace shoal::cli {
namespace {

// A signal handler reads them: plain data, written before `raw_fd` says that they hold.
termios cooked{};
volatile std::sig_atomic_t raw_fd = -1;

void restore() {
    const int fd = raw_fd;
    if (fd < 0) {
        return;
    }
    raw_fd = -1;
    static_cast<void>(::write(fd, paste_marks_off, std::strlen(paste_marks_off)) > 0);
    ::tcsetattr(fd, TCSANOW, &cooked);
}

// Both functions it calls are async-signal-safe; the signal's own action follows.
void restore_and_die(int signal) {
    restore();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void restore_however_it_ends() {
    static const bool once = [] {
        std::atexit(restore);
        struct sigaction action {};
        action.sa_handler = restore_and_die;
        action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_NODEFER;
        for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
            ::sigaction(signal, &action, nullptr);
        }
        return true;
    }();
    static_cast<void>(once);
}

}  // namespace

void Terminal::enter() {
    if (raw_fd >= 0 || ::tcgetattr(fd_, &cooked) != 0) {
        return;
    }
    restore_however_it_ends();
    termios raw = cooked;
    raw.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw_fd = fd_;
    ::tcsetattr(fd_, TCSANOW, &raw);
}

void Terminal::leave() { restore(); }

bool Terminal::is_there() const {
    termios now{};
    return ::tcgetattr(fd_, &now) == 0;
}

void Terminal::suspend() {
    leave();
    // The whole group, or a `make run` above us would keep the shell waiting.
    ::kill(0, SIGTSTP);
    constexpr int delivery_ms = 100;  // another thread may be the one that is stopped first
    ::poll(nullptr, 0, delivery_ms);
    enter();
}

}  // namespace shoal::cli
