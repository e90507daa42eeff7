// --help and --version, drawn from the tables.
#include <algorithm>
#include <string>

#include "option_table.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t help_column = 30;

std::string two_columns(const std::string& left, const char* right) {
    std::string line = "  " + left;
    line.append(line.size() < help_column ? help_column - line.size() : 1, ' ');
    return line + right + "\n";
}

std::string option_lines(Command command) {
    std::string lines;
    for (const OptionRow& row : option_table()) {
        if (takes(row, command)) {
            const std::string value = row.argument ? std::string(" ") + row.argument : "";
            lines += two_columns(std::string("--") + row.name + value, row.help);
        }
    }
    lines += two_columns("--config FILE", "lines 'name = value'; the command line wins");
    lines += two_columns("-h, --help", "this text");
    lines += two_columns("-V, --version", "the version");
    return lines;
}

}  // namespace

std::string help_text(Command command) {
    const CommandRow& row = row_of(command);
    std::string text = std::string("usage: shoal ") + row.name + (*row.name ? " " : "") +
                       "[OPTION...]" + (*row.usage ? " " : "") + row.usage + "\n" + row.help + "\n";
    if (command == Command::prompt || command == Command::help) {
        text += "\ncommands:\n";
        for (const CommandRow& one : command_table()) {
            const std::string left = std::string(one.name) + " " + one.usage;
            text += two_columns(*one.name ? left : "(none)", one.help);
        }
    }
    text += "\noptions:\n" + option_lines(command == Command::help ? Command::prompt : command);
    text +=
        "\nexit codes: 0 done, 1 other, 2 usage, 3 not found, 4 no host, 5 incomplete,\n"
        "6 verification failed, 7 versions differ, 8 not let in, 9 disk full, 10 exists,\n"
        "129, 130 or 143 by signal. See shoal(1).\n";
    return text;
}

std::string version_text() { return "shoal " SHOAL_VERSION "\n"; }

}  // namespace shoal::cli
