// The table of options: each one's name, argument, commands, meaning and setter, in one row.
// The parser, --help and the shell completion's test all read it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/cli/options.hpp"

namespace shoal::cli {

struct OptionRow {
    const char* name;      // without dashes
    const char* argument;  // what --help calls its value; nullptr for a switch
    unsigned commands;     // bits: 1 << Command
    const char* help;
    // A switch gets "true" or "false". The error says only what is allowed.
    Status (*set)(Options& options, const std::string& value);
};

std::span<const OptionRow> option_table();
// Its part that is about gateways.
std::span<const OptionRow> gateway_options();
const OptionRow* find_option(std::string_view name);
std::vector<std::string> option_names();

// Options of the command line that do nothing as they were given: without another one, or beside
// one. The error names both.
Status check_pairs(const Options& options, const std::vector<std::string_view>& given);

struct CommandRow {
    Command command;
    const char* name;   // empty for the prompt
    const char* usage;  // arguments, as --help shows them
    const char* help;
    std::size_t arguments_min;
    std::size_t arguments_max;
};

std::span<const CommandRow> command_table();
const CommandRow* find_command(std::string_view name);
const CommandRow& row_of(Command command);
std::vector<std::string> command_names();

inline bool takes(const OptionRow& option, Command command) {
    return ((option.commands >> static_cast<unsigned>(command)) & 1U) != 0;
}

}  // namespace shoal::cli
