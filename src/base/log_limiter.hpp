// LogLimiter: how many lines of one kind the log takes, so that nobody fills a disk by causing the
// same warning again and again. Pure; time is an argument.
//
// Lines are of one kind when they are alike without what they quote ('...') and without numbers. Of
// each kind so many are said in a window; of the rest the count, when the window is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/base/log.hpp"
#include "shoal/base/time.hpp"

namespace shoal::log {

class LogLimiter {
  public:
    static constexpr Duration window = 10s;
    static constexpr unsigned warnings_max = 20;  // in a window, of one kind; errors, too
    static constexpr unsigned others_max = 500;
    static constexpr std::size_t kinds_max = 256;  // all beyond count as one

    // Whether the line is to be said.
    bool admit(Level level, std::string_view text, TimePoint now);
    // What was left out of windows that are over, or of all: a line for each kind, once.
    std::vector<std::pair<Level, std::string>> take_left_out(TimePoint now, bool all = false);

  private:
    struct Kind {
        TimePoint begin{};
        unsigned said{0};
        std::uint64_t left_out{0};
        std::string last;  // of those left out
    };
    std::map<std::pair<Level, std::string>, Kind> kinds_;
};

}  // namespace shoal::log
