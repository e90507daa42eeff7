#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/log_limiter.hpp"

using namespace shoal;

namespace {

// Collects lines while it lives, then gives the log back to stderr.
class Capture {
  public:
    Capture() {
        log::set_sink([this](log::Level, std::string_view line) { lines.emplace_back(line); });
    }
    ~Capture() {
        log::set_sink(nullptr);
        log::set_level(log::Level::info);
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a line names the program and the level", "[base]") {
    Capture capture;
    log::error("one");
    log::warning("two");
    log::info("three");
    log::debug("below the level");
    CHECK(capture.lines == Lines{"shoal: error: one", "shoal: warning: two", "shoal: info: three"});
}

TEST_CASE("the level decides", "[base]") {
    Capture capture;
    log::set_level(log::Level::error);
    CHECK(log::enabled(log::Level::error));
    CHECK_FALSE(log::enabled(log::Level::warning));
    log::warning("silent");
    log::set_level(log::parse_level("debug").value());
    log::debug("heard");
    CHECK(capture.lines == Lines{"shoal: debug: heard"});
    CHECK(log::parse_level("loud").error().message.find("'loud'") == 0);
}

TEST_CASE("no text can forge a line", "[base]") {
    Capture capture;
    log::info("name\nshoal: error: forged\x1b[2J");
    CHECK(capture.lines == Lines{"shoal: info: name\\x0Ashoal: error: forged\\x1B[2J"});
}

TEST_CASE("a log file gets the time, is private, and hands on what it cannot take", "[base]") {
    std::string path = std::filesystem::temp_directory_path() / "shoal-log-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    const std::string file = path + "/log";
    Capture capture;
    CHECK(log::open_file(path + "/no/such").error().kind == ErrorKind::not_found);
    REQUIRE(log::open_file(file).ok());
    log::info("to the file");
    CHECK(capture.lines.empty());

    std::ifstream stream(file);
    std::string content(std::istreambuf_iterator<char>(stream), {});
    for (char& c : content) {
        c = c >= '0' && c <= '9' ? '9' : c;
    }
    CHECK(content == "9999-99-99T99:99:99.999Z info: to the file\n");
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    std::filesystem::remove_all(path);

    REQUIRE(log::open_file("/dev/full").ok());  // also leaves the file for the tests that follow
    log::warning("no space");
    CHECK(capture.lines == Lines{"shoal: warning: no space"});
}

TEST_CASE("of many lines of one kind some are said, then their count", "[base]") {
    using log::Level;
    using log::LogLimiter;
    LogLimiter limiter;
    TimePoint now{1h};
    const auto warn = [&](int number) {
        return limiter.admit(Level::warning,
                             "cannot open 'it's/" + std::to_string(number) + "': a link " +
                                 std::to_string(number * 7),
                             now);
    };
    unsigned said = 0;
    for (int i = 0; i < 245'000; ++i) {
        said += warn(i) ? 1 : 0;
    }
    CHECK(said == LogLimiter::warnings_max);
    CHECK(limiter.admit(Level::warning, "cannot list 'x'", now));  // another kind
    CHECK(limiter.admit(Level::debug, "cannot open 'x': a link 1", now));
    CHECK(limiter.take_left_out(now + LogLimiter::window - 1ms).empty());
    now += LogLimiter::window;
    const auto left = limiter.take_left_out(now);
    REQUIRE(left.size() == 1);
    CHECK(left[0].first == Level::warning);
    CHECK(left[0].second.starts_with("244980 more lines like this were left out: cannot open"));
    CHECK(limiter.take_left_out(now, true).empty());
    CHECK(warn(1));
}

TEST_CASE("kinds of lines without end count as one", "[base]") {
    log::LogLimiter limiter;
    unsigned said = 0;
    for (unsigned i = 0; i < 10'000; ++i) {
        const std::string word{static_cast<char>('a' + i % 26),
                               static_cast<char>('a' + i / 26 % 26),
                               static_cast<char>('a' + i / 676)};
        said += limiter.admit(log::Level::warning, word, TimePoint{1h}) ? 1 : 0;
    }
    CHECK(said == log::LogLimiter::kinds_max + log::LogLimiter::warnings_max);
    CHECK(limiter.take_left_out(TimePoint{1h}, true).size() == 1);
}
