// The FTP gateway's small parts: lines, paths, patterns, dates, line ends, users, the login gate.
#include <catch2/catch.hpp>
#include <string>

#include "gateway/ftp/clock_text.hpp"
#include "gateway/ftp/glob.hpp"
#include "gateway/ftp/line_decoder.hpp"
#include "gateway/ftp/line_ends.hpp"
#include "gateway/ftp/login_queue.hpp"
#include "gateway/ftp/path.hpp"
#include "shoal/gateway/ftp/users.hpp"

using namespace shoal;
using namespace shoal::gateway::ftp;

namespace {

std::span<const std::uint8_t> bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Fed whole and byte by byte, which must not differ.
std::vector<std::string> lines_of(std::string_view input, std::string* answers = nullptr) {
    LineDecoder whole;
    LineDecoder slow;
    std::vector<LineDecoder::Line> at_once;
    std::vector<LineDecoder::Line> one_by_one;
    whole.feed(bytes(input), at_once);
    for (const char sign : input) {
        slow.feed(bytes({&sign, 1}), one_by_one);
    }
    REQUIRE(at_once.size() == one_by_one.size());
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < at_once.size(); ++i) {
        CHECK(at_once[i].text == one_by_one[i].text);
        CHECK(at_once[i].too_long == one_by_one[i].too_long);
        texts.push_back(at_once[i].too_long ? "too long" : at_once[i].text);
    }
    if (answers != nullptr) {
        *answers = whole.take_answers();
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("control bytes become lines, Telnet taken out", "[ftp]") {
    CHECK(lines_of("USER a\r\nPASS b\nPW") == Texts{"USER a", "PASS b"});
    CHECK(lines_of("\r\n\n") == Texts{"", ""});
    CHECK(lines_of(std::string_view("CR\r\0here\r\n", 10)) == Texts{"CR\rhere"});
    CHECK(lines_of("a\rb\r\r\n") == Texts{"a\rb\r"});
    CHECK(lines_of(std::string_view("N\0L\n", 4)) == Texts{std::string("N\0L", 3)});
    CHECK(lines_of("\xff\xf4\xff\xf2"
                   "ABOR\r\n") == Texts{"ABOR"});
    CHECK(lines_of("\xff"
                   "abor\r\n") == Texts{"abor"});  // the DM went out of band
    CHECK(lines_of("x\xff\xffy\n") == Texts{"x\xffy"});
    CHECK(lines_of("\xff\xfa\x18\x01ignored\n\xff\xf0NOOP\n") == Texts{"NOOP"});
    std::string answers;
    CHECK(lines_of("\xff\xfb\x01\xff\xfd\x03\xff\xfc\x01\xff\xfe\x03NOOP\n", &answers) ==
          Texts{"NOOP"});
    CHECK(answers == "\xff\xfe\x01\xff\xfc\x03");
}

TEST_CASE("a line without end is cut short, once, and is hopeless in the end", "[ftp]") {
    const std::string longest(LineDecoder::line_max, 'x');
    CHECK(lines_of(longest + "\r\n") == Texts{longest});
    CHECK(lines_of(longest + "xyz\r\nNOOP\r\n") == Texts{"too long", "NOOP"});
    LineDecoder decoder;
    std::vector<LineDecoder::Line> lines;
    for (int i = 0; i < 40; ++i) {
        decoder.feed(bytes(longest), lines);
    }
    CHECK(lines.size() == 1);
    CHECK(decoder.hopeless());
}

TEST_CASE("paths are resolved below the root", "[ftp]") {
    CHECK(resolve("", "").empty());
    CHECK(resolve("", "/").empty());
    CHECK(resolve("a/b", "") == "a/b");
    CHECK(resolve("a/b", "c") == "a/b/c");
    CHECK(resolve("a/b", "/c//d/") == "c/d");
    CHECK(resolve("a/b", "../c") == "a/c");
    CHECK(resolve("a/b", "../../../../etc/passwd") == "etc/passwd");
    CHECK(resolve("a", "./././x/..") == "a");
    CHECK(resolve("", "..hidden/...") == "..hidden/...");
    CHECK(resolve("", "a\\b") == "a\\b");  // for the door to refuse
    CHECK(resolve("", "a\\x1Bb") ==
          "a\x1b"
          "b");  // as it is shown
    CHECK(resolve("", "a\\u{202E}b") ==
          "a\u202e"
          "b");
    CHECK(resolve("", "\\x2e\\x2e/x") == "\\x2e\\x2e/x");  // never shown so
    CHECK(resolve("", "a\\x2Fb") == "a\\x2Fb");
    CHECK(resolve("", "\\u{") == "\\u{");
    CHECK(resolve("", "\\x1") == "\\x1");
    CHECK(quoted("a \"b\"") == "\"/a \"\"b\"\"\"");
    CHECK(parent_of("a/b/c") == "a/b");
    CHECK(parent_of("a").empty());
    CHECK(last_of("a/b") == "b");
    CHECK_FALSE(plain("a\n"));
}

TEST_CASE("patterns match as in a shell, and cost little", "[ftp]") {
    CHECK(glob_matches("*", "anything"));
    CHECK(glob_matches("*.txt", "a.txt"));
    CHECK_FALSE(glob_matches("*.txt", "a.txt.gz"));
    CHECK(glob_matches("a*b*c", "aXbXbXc"));
    CHECK_FALSE(glob_matches("a*b*c", "aXbX"));
    CHECK(glob_matches("?", "\u00e4"));
    CHECK(glob_matches("[a-c]x", "bx"));
    CHECK_FALSE(glob_matches("[!a-c]x", "bx"));
    CHECK(glob_matches("[]]", "]"));
    CHECK(glob_matches("[", "["));
    CHECK(glob_matches("[a-]", "-"));
    CHECK_FALSE(glob_matches("", "x"));
    CHECK(glob_matches("", ""));
    std::string pattern;
    for (int i = 0; i < 1000; ++i) {
        pattern += "a*";
    }
    CHECK_FALSE(glob_matches(pattern + "b", std::string(255, 'a')));
}

TEST_CASE("dates in and out", "[ftp]") {
    CHECK(time_value(0) == "19700101000000");
    CHECK(time_value(-1) == "19700101000000");
    CHECK(time_value(INT64_MAX) == "99991231235959");
    CHECK(time_value(951'782'399) == "20000228235959");
    CHECK(parse_time_value("20000228235959") == 951'782'399);
    CHECK(parse_time_value("20000229000000.999") == 951'782'400);
    CHECK_FALSE(parse_time_value("20010229000000"));
    CHECK_FALSE(parse_time_value("2000022823595"));
    CHECK_FALSE(parse_time_value("20000228235959x"));
    CHECK(list_date(951'782'399, 951'782'400) == "Feb 28 23:59");
    CHECK(list_date(951'782'399, 1'951'782'400) == "Feb 28  2000");
    CHECK(list_date(1'951'782'399, 951'782'400) == "Nov  7  2031");
}

TEST_CASE("line ends are turned the same however the data is split", "[ftp]") {
    const std::string unix_text = "one\ntwo\r\nthree\r\rfour\n\n";
    const std::string wire = "one\r\ntwo\r\nthree\r\rfour\r\n\r\n";
    for (std::size_t step = 1; step <= wire.size(); ++step) {
        std::string out;
        std::string back;
        ToNetwork to;
        FromNetwork from;
        for (std::size_t at = 0; at < unix_text.size(); at += step) {
            to.convert(bytes(std::string_view(unix_text).substr(at, step)), out);
        }
        for (std::size_t at = 0; at < wire.size(); at += step) {
            from.convert(bytes(std::string_view(wire).substr(at, step)), back);
        }
        from.finish(back);
        CHECK(out == wire);
        CHECK(back == "one\ntwo\nthree\r\rfour\n\n");
    }
    std::string rest;
    FromNetwork from;
    from.convert(bytes("x\r"), rest);
    from.finish(rest);
    CHECK(rest == "x\r");
}

TEST_CASE("a users file holds what ftp-user writes", "[ftp]") {
    const auto writer = user_line("joe", Rights::write, "secret");
    const auto reader = user_line("ann", Rights::read, "other");
    REQUIRE(writer);
    REQUIRE(reader);
    CHECK(writer->find("secret") == std::string::npos);
    CHECK(*writer != *user_line("joe", Rights::write, "secret"));  // the salt
    const auto users = parse_users("# people\n\n" + *writer + "\r\n" + *reader, "users");
    REQUIRE(users);
    CHECK(check_user(*users, "joe", "secret") == Rights::write);
    CHECK(check_user(*users, "ann", "other") == Rights::read);
    CHECK(check_user(*users, "joe", "Secret") == Rights::none);
    CHECK(check_user(*users, "joe", "") == Rights::none);
    CHECK(check_user(*users, "nobody", "secret") == Rights::none);
    CHECK_FALSE(user_line("a:b", Rights::read, "x"));
    CHECK_FALSE(user_line("", Rights::read, "x"));
    CHECK_FALSE(user_line("anonymous", Rights::read, "x"));
    CHECK_FALSE(user_line("joe", Rights::read, ""));
    const auto twice = parse_users(*writer + "\n" + *writer, "users");
    REQUIRE_FALSE(twice);
    CHECK(twice.error().message.starts_with("users:2: "));
    for (const char* bad : {"joe", "joe:rw:plain:1:00:00", "joe:x:pbkdf2-sha256:1:00:00",
                            "joe:r:pbkdf2-sha256:0:00:00", "joe:r:pbkdf2-sha256:1:zz:00",
                            "joe:r:pbkdf2-sha256:1:00:00"}) {
        CHECK_FALSE(parse_users(bad, "users"));
    }
}

TEST_CASE("the login gate closes longer with each failure", "[ftp]") {
    LoginGate gate;
    const TimePoint start{1h};
    CHECK(gate.opens_at("a", start) == start);
    TimePoint now = start;
    Duration delay = 250ms;
    for (int i = 0; i < 10; ++i) {
        CHECK(gate.handle_failure("a", now) == now + delay);
        CHECK(gate.opens_at("a", now) == now + delay);
        CHECK(gate.opens_at("b", now) == now);
        now += delay;
        CHECK(gate.opens_at("a", now) == now);
        delay = std::min<Duration>(delay * 2, 8s);
    }
    CHECK(gate.rank("a", now) == 10);
    CHECK(gate.rank("b", now) == 0);
    gate.handle_success("a", now);
    CHECK(gate.rank("a", now) == -1);
    CHECK(gate.handle_failure("a", now) == now + 250ms);
    gate.handle_failure("a", now + 1s);
    CHECK(gate.handle_failure("a", now + 20min) == now + 20min + 250ms);
    for (std::size_t i = 0; i < 3 * LoginGate::addresses_max; ++i) {
        gate.handle_failure(std::to_string(i), now);  // bounded
    }
}

namespace {

LoginAttempt attempt_from(const std::string& address, const std::string& user = "joe") {
    return {nullptr, 0, 0, address, user, SecretText("guess")};
}

}  // namespace

TEST_CASE("a right password waits for few of the guesses that came with it", "[ftp]") {
    const TimePoint now{1h};
    LoginGate gate;
    LoginQueue queue(gate);
    const auto checks_before = [&](std::size_t guesses_before, std::size_t guesses_behind) {
        for (std::size_t i = 0; i < guesses_before; ++i) {
            CHECK_FALSE(queue.add(attempt_from("guesser " + std::to_string(i)), now));
        }
        CHECK_FALSE(queue.add(attempt_from("right"), now));
        for (std::size_t i = 0; i < guesses_behind; ++i) {
            CHECK_FALSE(queue.add(attempt_from("later " + std::to_string(i)), now));
        }
        std::size_t before = 0;
        bool seen = false;
        while (const auto next = queue.take(now)) {
            seen = seen || next->address == "right";
            before += seen ? 0 : 1;
        }
        return before;
    };
    SECTION("behind a crowd") { CHECK(checks_before(250, 0) <= 1); }
    SECTION("before a crowd") { CHECK(checks_before(0, 250) <= 1); }
    SECTION("where both ends are a crowd") { CHECK(checks_before(20, 200) <= 41); }
    SECTION("from where somebody has logged in, it waits for none") {
        gate.handle_success("right", now);
        CHECK(checks_before(100, 100) == 0);
    }
    SECTION("whoever has guessed wrong comes last") {
        for (int i = 0; i < 100; ++i) {
            gate.handle_failure("later " + std::to_string(i), now - 1min);
            gate.handle_failure("guesser " + std::to_string(i), now - 1min);
        }
        CHECK(checks_before(100, 100) == 0);
    }
}

TEST_CASE("the queue of logins has an end, for each address and for all", "[ftp]") {
    const TimePoint now{1h};
    LoginGate gate;
    LoginQueue queue(gate);
    for (std::size_t i = 0; i < LoginQueue::waiting_per_address_max; ++i) {
        CHECK_FALSE(queue.add(attempt_from("one"), now));
    }
    CHECK(queue.add(attempt_from("one"), now)->address == "one");
    gate.handle_failure("guesser", now - 1min);
    CHECK_FALSE(queue.add(attempt_from("guesser"), now));
    for (std::size_t i = queue.waiting_of("one") + 1; i < LoginQueue::waiting_max; ++i) {
        CHECK_FALSE(queue.add(attempt_from(std::to_string(i)), now));
    }
    CHECK(queue.add(attempt_from("late"), now)->address == "guesser");
    CHECK(queue.add(attempt_from("later"), now)->address == "later");
    CHECK(queue.waiting_of("late") == 1);
    gate.handle_failure("one", now);
    CHECK(queue.next(now) == now);
    while (queue.take(now)) {
    }
    CHECK(queue.next(now) == now + 250ms);  // only those whose gate is closed are left
}

TEST_CASE("a line decoder stops where it is told to", "[ftp]") {
    LineDecoder decoder;
    std::vector<LineDecoder::Line> lines;
    const std::string_view input = "USER a\r\n\r\nPASS b";
    CHECK(decoder.feed(bytes(input), lines, 1) == 8);
    CHECK(lines.size() == 1);
    CHECK(decoder.feed(bytes(input.substr(8)), lines, 1) == 2);
    CHECK(lines.back().text.empty());
    CHECK(decoder.feed(bytes(input.substr(10)), lines, 1) == 6);
    CHECK(lines.size() == 2);
}
