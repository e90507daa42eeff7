// LineDecoder: the bytes of a control connection become command lines. Pure.
//
// A line ends with LF, CR LF or, as RFC 2640 wants a CR within a path to be sent, goes on after
// CR NUL. Telnet commands (RFC 854) are taken out; options are refused (RFC 1123, 4.1.2.12). Urgent
// data is expected in line (SO_OOBINLINE).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace shoal::gateway::ftp {

class LineDecoder {
  public:
    static constexpr std::size_t line_max = 2048;              // bytes, without the end of line
    static constexpr std::size_t discarded_max = 64UL * 1024;  // of one line, before it is hopeless

    struct Line {
        std::string text;      // any bytes but LF
        bool too_long{false};  // said once, as soon as it is; the rest of that line is discarded
    };

    // Appends the lines that `bytes` complete, at most so many; the bytes it took, all of them
    // unless that many lines came before.
    std::size_t feed(std::span<const std::uint8_t> bytes, std::vector<Line>& lines,
                     std::size_t lines_max = SIZE_MAX);
    // Refusals of Telnet options, to be sent as they are.
    std::string take_answers();
    // Somebody sends without ever ending a line: hang up.
    [[nodiscard]] bool hopeless() const { return discarded_ > discarded_max; }
    // A line has begun and not ended.
    [[nodiscard]] bool midway() const { return !partial_.empty() || discarded_ > 0; }

  private:
    enum class State : std::uint8_t { text, after_cr, command, option, sub, sub_command };

    void take(std::uint8_t byte, std::vector<Line>& lines);
    void take_text(std::uint8_t byte, std::vector<Line>& lines);
    void take_command(std::uint8_t byte, std::vector<Line>& lines);
    void take_option(std::uint8_t byte);
    void push(std::uint8_t byte, std::vector<Line>& lines);
    void end_line(std::vector<Line>& lines);

    std::string partial_;
    std::string answers_;
    std::size_t discarded_{0};
    State state_{State::text};
    std::uint8_t verb_{0};  // WILL, WONT, DO or DONT, while its option is awaited
};

}  // namespace shoal::gateway::ftp
