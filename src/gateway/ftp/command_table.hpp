// The command table: each command's name, arguments, conditions and handler in one row. HELP, the
// checks before a command runs and what may run during a transfer all read it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/ftp/session.hpp"

namespace shoal::gateway::ftp {

struct CommandTable {
    enum class Argument : std::uint8_t { none, optional, required };
    enum Condition : std::uint8_t {
        anybody = 0,
        login = 1,         // 530 before
        waits = 2,         // needs the tree or the data connection: after a transfer under way
        waits_argued = 4,  // the same, if it has an argument
        makes_data = 8,    // PASV and the like: waits, unless the transfer waits for it
        exact = 16,        // blanks around its argument belong to a name or a password
    };
    struct Row {
        std::string_view verb;
        std::string_view syntax;  // what follows the verb, for HELP
        Argument argument;
        std::uint8_t conditions;
        void (Session::*run)(std::string_view argument);
    };

    static std::span<const Row> rows();
    static const Row* find(std::string_view verb);  // upper case

  private:
    static const Row table[];
};

std::string upper(std::string_view text);  // ASCII letters only

// A line's verb in upper case, and its argument: everything after one space. Bytes before the verb
// that are no ASCII are remains of a Telnet Synch.
struct CommandLine {
    std::string verb;
    std::string_view argument;
};
CommandLine split_line(std::string_view line);
std::string_view trim(std::string_view text);  // no blanks around it
// An unknown command that begins a request of another protocol (HTTP, RTSP, SIP, ...). The `first`
// line of a client is one, too, when its verb has not the three or four letters of a command.
bool is_foreign(const CommandLine& command, bool first);

}  // namespace shoal::gateway::ftp
