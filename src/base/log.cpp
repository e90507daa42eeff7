#include "shoal/base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iterator>

#include "log_limiter.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/base/text.hpp"

namespace shoal::log {
namespace {

constexpr std::string_view level_words[] = {"error", "warning", "info", "debug"};

std::atomic<Level> threshold{Level::info};

struct Outputs {
    Fd file;
    std::string path;  // of the file
    std::function<void(Level, std::string_view)> sink;
    LogLimiter limiter;
};

// Never destroyed, so that a thread which logs while the process exits finds it whole.
Guarded<Outputs>& outputs() {
    static auto& shared = *new Guarded<Outputs>();
    return shared;
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// ISO 8601, UTC, milliseconds: "2026-01-31T23:59:59.123Z".
std::string timestamp() {
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 40> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    const auto millis = static_cast<int>(now.time_since_epoch().count() % 1000);
    std::snprintf(text.data() + length, text.size() - length, ".%03dZ", millis);
    return text.data();
}

}  // namespace

Result<Level> parse_level(std::string_view word) {
    for (std::size_t i = 0; i < std::size(level_words); ++i) {
        if (word == level_words[i]) {
            return static_cast<Level>(i);
        }
    }
    return Error{
        ErrorKind::bad_input,
        "'" + text::escape(word) + "' is not a log level; use error, warning, info or debug"};
}

void set_level(Level level) { threshold.store(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level <= threshold.load(std::memory_order_relaxed); }

Status open_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                   0600));
    if (!file) {
        return system_error("cannot open log file '" + text::escape(path) + "'", errno);
    }
    auto shared = outputs().lock();
    shared->file = std::move(file);
    shared->path = path;
    return {};
}

Status reopen_file() {
    const std::string path = outputs().lock()->path;
    return path.empty() ? Status{} : open_file(path);
}

void set_sink(std::function<void(Level, std::string_view)> sink) {
    outputs().lock()->sink = std::move(sink);
}

namespace {

void write_line(Outputs& outputs, Level level, std::string_view text) {
    const std::string body =
        std::string(level_words[static_cast<std::size_t>(level)]) + ": " + text::escape(text);
    const std::string line = "shoal: " + body;
    // A full disk must not silence the log: what the file refuses goes the other way.
    if (outputs.file && write_all(outputs.file.get(), timestamp() + " " + body + "\n")) {
        return;
    }
    if (outputs.sink) {
        outputs.sink(level, line);
    } else {
        static_cast<void>(write_all(STDERR_FILENO, line + "\n"));  // nobody left to tell
    }
}

void write_left_out(Outputs& outputs, bool all) {
    for (const auto& [level, text] : outputs.limiter.take_left_out(steady_now(), all)) {
        write_line(outputs, level, text);
    }
}

}  // namespace

void write(Level level, std::string_view text) {
    if (!enabled(level)) {
        return;
    }
    auto shared = outputs().lock();
    write_left_out(*shared, false);
    if (shared->limiter.admit(level, text, steady_now())) {
        write_line(*shared, level, text);
    }
}

void tell_left_out() {
    auto shared = outputs().lock();
    write_left_out(*shared, true);
}

}  // namespace shoal::log
