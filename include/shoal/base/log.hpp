// The log: one line a call, to stderr ("shoal: warning: text") or --log-file (the same with the
// time, ISO 8601 UTC, before it). Any thread may call; a line is one write. The level starts at
// info. What the file refuses, say on a full disk, goes to stderr or the sink.
//
// Text that came from outside is escaped here once more, so that no name can forge a line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "shoal/base/result.hpp"

namespace shoal::log {

enum class Level { error, warning, info, debug };

Result<Level> parse_level(std::string_view word);
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

// Appends to `path` (created 0600) from now on instead of stderr.
Status open_file(const std::string& path);
// Opens that path anew, after a rotation; does nothing when there is none. On an error what was
// open stays so.
Status reopen_file();

// While set, lines ("shoal: warning: text", no newline) go to `sink` rather than to stderr: the
// prompt draws them above itself. The sink is called under the log's lock and must not log.
void set_sink(std::function<void(Level, std::string_view)> sink);

// Of lines that differ only in numbers and in what they quote, 20 warnings in ten seconds are
// written (500 of what is no warning), then the count of the others.
void write(Level level, std::string_view text);
// At the end of the process: the counts that are still to be told.
void tell_left_out();
inline void error(std::string_view text) { write(Level::error, text); }
inline void warning(std::string_view text) { write(Level::warning, text); }
inline void info(std::string_view text) { write(Level::info, text); }
inline void debug(std::string_view text) { write(Level::debug, text); }

}  // namespace shoal::log
