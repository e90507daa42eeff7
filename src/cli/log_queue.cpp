#include "log_queue.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "shoal/base/log.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t bytes_max = 1024 * 1024;  // a flood while the drawer sleeps

}  // namespace

LogQueue::LogQueue() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!wake_) {
        return;  // the log stays on stderr
    }
    log::set_sink([this](log::Level, std::string_view line) {
        waiting_.with([line](Waiting& waiting) {
            if (waiting.bytes + line.size() > bytes_max) {
                ++waiting.dropped;
                return;
            }
            waiting.lines.emplace_back(line);
            waiting.bytes += line.size();
        });
        const std::uint64_t one = 1;
        // It fails only when the counter is full, and then it is readable anyway.
        static_cast<void>(::write(wake_.get(), &one, sizeof one) == sizeof one);
    });
}

LogQueue::~LogQueue() {
    log::set_sink({});
    for (const std::string& line : take()) {
        const std::string whole = line + "\n";
        if (::write(STDERR_FILENO, whole.data(), whole.size()) < 0) {
            return;
        }
    }
}

std::vector<std::string> LogQueue::take() {
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count) > 0);  // EAGAIN: nothing new
    Waiting taken = waiting_.with([](Waiting& waiting) { return std::exchange(waiting, {}); });
    if (taken.dropped > 0) {
        taken.lines.push_back("shoal: warning: " + std::to_string(taken.dropped) +
                              " lines of the log were dropped");
    }
    return std::move(taken.lines);
}

}  // namespace shoal::cli
