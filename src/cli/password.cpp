// A password, from a pipe or typed unseen.
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "output.hpp"
#include "shoal/base/wipe.hpp"
#include "shoal/cli/commands.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t password_max = 1024;

// While it lives, what is typed is not shown. A signal that ends the process leaves that to the
// shell, which sets its terminal right again.
class EchoOff {
  public:
    EchoOff() : known_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (known_) {
            termios silent = before_;
            silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        }
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;
    ~EchoOff() {
        if (known_) {
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        }
    }
    [[nodiscard]] bool terminal() const { return known_; }

  private:
    termios before_{};
    bool known_;
};

void say(std::string_view text) {
    Output output;
    output.err(text);
    output.flush(std::chrono::seconds(5));
}

Result<std::string> read_line() {
    std::string line;
    line.reserve(password_max + 1);  // growing would leave copies behind
    for (char sign = 0;;) {
        const ssize_t got = ::read(STDIN_FILENO, &sign, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            wipe(line);
            return system_error("cannot read the password from stdin", errno);
        }
        if (got == 0 || sign == '\n') {
            break;
        }
        line.push_back(sign);
        if (line.size() > password_max) {
            wipe(line);
            return Error{ErrorKind::bad_input, "the password is longer than 1024 bytes"};
        }
    }
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    return line;
}

}  // namespace

Result<std::string> read_password(std::string_view question) {
    const EchoOff echo_off;
    if (!echo_off.terminal()) {
        return read_line();
    }
    say(question);
    Result<std::string> line = read_line();
    say("\n");
    return line;
}

}  // namespace shoal::cli
