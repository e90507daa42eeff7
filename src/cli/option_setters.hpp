// What the rows of the table of options are made of. An error says only what is allowed.
#pragma once

#include <cstdint>
#include <string>

#include "option_table.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {

inline Error allowed(std::string what) { return {ErrorKind::bad_input, std::move(what)}; }

template <typename Number>
Status set_number(Number& target, const std::string& value, std::uint64_t low, std::uint64_t high) {
    const auto number = text::parse_number(value, low, high);
    if (!number) {
        return allowed("give a whole number from " + std::to_string(low) + " to " +
                       std::to_string(high));
    }
    target = static_cast<Number>(*number);
    return {};
}

inline Status set_path(std::string& target, const std::string& value) {
    if (value.empty() || value.find('\0') != std::string::npos) {
        return allowed("give a path");
    }
    target = value;
    return {};
}

template <bool Options::*Member>
Status set_switch(Options& options, const std::string& value) {
    options.*Member = value == "true";
    return {};
}

using Text = const std::string&;

constexpr unsigned bit(Command command) { return 1U << static_cast<unsigned>(command); }
constexpr unsigned resident = bit(Command::prompt) | bit(Command::serve);

}  // namespace shoal::cli
