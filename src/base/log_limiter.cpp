#include "log_limiter.hpp"

#include <algorithm>

namespace shoal::log {
namespace {

constexpr std::size_t kind_size_max = 64;

// From the first quote to the last: a name may have quotes of its own.
std::string kind_of(std::string_view text) {
    const std::size_t first = std::min(text.find('\''), text.size());
    const std::size_t last = text.rfind('\'');
    std::string kind(text.substr(0, first));
    if (last != text.npos && last > first) {
        kind += text.substr(last + 1);
    }
    std::erase_if(kind, [](char sign) { return sign >= '0' && sign <= '9'; });
    return kind.substr(0, kind_size_max);
}

}  // namespace

bool LogLimiter::admit(Level level, std::string_view text, TimePoint now) {
    if (level == Level::debug) {
        return true;
    }
    std::pair key(level, kind_of(text));
    if (kinds_.size() >= kinds_max && !kinds_.contains(key)) {
        key.second.clear();
    }
    Kind& kind = kinds_[key];
    if (now - kind.begin >= window) {
        kind.begin = now;
        kind.said = 0;
    }
    if (kind.said < (level <= Level::warning ? warnings_max : others_max)) {
        ++kind.said;
        return true;
    }
    ++kind.left_out;
    kind.last = text.substr(0, 512);
    return false;
}

std::vector<std::pair<Level, std::string>> LogLimiter::take_left_out(TimePoint now, bool all) {
    std::vector<std::pair<Level, std::string>> lines;
    std::erase_if(kinds_, [&](const auto& entry) {
        const Kind& kind = entry.second;
        const bool over = all || now - kind.begin >= window;
        if (over && kind.left_out > 0) {
            lines.emplace_back(entry.first.first,
                               std::to_string(kind.left_out) +
                                   " more lines like this were left out: " + kind.last);
        }
        return over;
    });
    return lines;
}

}  // namespace shoal::log
