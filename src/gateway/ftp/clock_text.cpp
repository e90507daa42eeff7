#include "gateway/ftp/clock_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

struct Moment {
    int year{};
    unsigned month{};  // 1 .. 12
    unsigned day{};
    unsigned hour{};
    unsigned minute{};
    unsigned second{};
};

// Years of four digits only.
Moment split(std::int64_t seconds) {
    constexpr std::int64_t last = 253402300799;  // 9999-12-31 23:59:59
    const std::chrono::seconds since(std::clamp<std::int64_t>(seconds, 0, last));
    const auto days = std::chrono::floor<std::chrono::days>(since);
    const year_month_day date{sys_days(days)};
    const auto rest = static_cast<unsigned>((since - days).count());
    return {static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            rest / 3600,
            rest / 60 % 60,
            rest % 60};
}

}  // namespace

std::string time_value(std::int64_t seconds) {
    const Moment m = split(seconds);
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%04d%02u%02u%02u%02u%02u", m.year, m.month, m.day,
                  m.hour, m.minute, m.second);
    return text.data();
}

std::optional<std::int64_t> parse_time_value(std::string_view text) {
    const std::string_view fraction = text.substr(std::min<std::size_t>(text.size(), 14));
    const bool well_formed =
        text.size() >= 14 && text.substr(0, 14).find_first_not_of("0123456789") == text.npos &&
        (fraction.empty() || (fraction.size() > 1 && fraction.front() == '.' &&
                              fraction.find_first_not_of("0123456789", 1) == fraction.npos));
    if (!well_formed) {
        return std::nullopt;
    }
    const auto number = [&](std::size_t at, std::size_t count) {
        return static_cast<unsigned>(*text::parse_number(text.substr(at, count), 0, 9999));
    };
    const year_month_day date{std::chrono::year(static_cast<int>(number(0, 4))),
                              std::chrono::month(number(4, 2)), std::chrono::day(number(6, 2))};
    const unsigned hour = number(8, 2);
    const unsigned minute = number(10, 2);
    const unsigned second = number(12, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) {  // 60: a leap second
        return std::nullopt;
    }
    const auto days = sys_days(date).time_since_epoch().count();
    return std::int64_t{days} * 86400 + hour * 3600 + minute * 60 + second;
}

std::string list_date(std::int64_t seconds, std::int64_t now) {
    static constexpr std::array names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    constexpr std::int64_t half_a_year = 182L * 86400;
    const Moment m = split(seconds);
    std::array<char, 40> text{};
    if (seconds > now - half_a_year && seconds <= now + 86400) {
        std::snprintf(text.data(), text.size(), "%s %2u %02u:%02u", names[m.month - 1], m.day,
                      m.hour, m.minute);
    } else {
        std::snprintf(text.data(), text.size(), "%s %2u  %d", names[m.month - 1], m.day, m.year);
    }
    return text.data();
}

}  // namespace shoal::gateway::ftp
