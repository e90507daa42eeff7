// Progress, screen, reports and JSON: what is shown, letter by letter.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/width.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/random.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t GiB = limits::GiB;
constexpr std::uint64_t MiB = limits::MiB;
constexpr Style blocks{true, false};
constexpr Style ascii{false, false};

peer::FetchProgress half_way() {
    peer::FetchProgress progress;
    progress.name = "big.iso";
    progress.done = 6 * GiB / 5;
    progress.size = 14 * GiB / 5;
    progress.bytes_per_second = 112.0 * static_cast<double>(MiB);
    progress.hosts = 7;
    progress.left = 14s;
    return progress;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

const Idiom idiom{"get", "downloads", "type the name again"};

}  // namespace

TEST_CASE("cli progress: fields give way to the width, least telling first") {
    const peer::FetchProgress progress = half_way();
    CHECK(progress_line(progress, 0, 80, ascii) ==
          "big.iso   42 % [##########              ]  1.2/2.8 GiB  112 MiB/s  7 hosts  14 s");
    CHECK(progress_line(progress, 0, 63, ascii) ==
          "big.iso   42 % [######          ]  1.2/2.8 GiB  112 MiB/s  14 s");
    CHECK(progress_line(progress, 0, 50, ascii) ==
          "big.iso   42 % [######          ]  112 MiB/s  14 s");
    CHECK(progress_line(progress, 0, 40, ascii) == "big.iso   42 % [#####       ]  112 MiB/s");
    CHECK(progress_line(progress, 0, 28, ascii) == "big.iso   42 % [####       ]");
    CHECK(progress_line(progress, 0, 14, ascii) == "big.iso   42 %");
    CHECK(progress_line(progress, 0, 12, ascii) == "b...o   42 %");
}

TEST_CASE("cli progress: the line ends where the terminal does") {
    for (const std::size_t columns : {80U, 63U, 50U, 40U}) {
        CHECK(width(progress_line(half_way(), 0, columns, ascii)) == columns);
        CHECK(width(progress_line(half_way(), 0, columns, blocks)) == columns);
    }
}

TEST_CASE("cli progress: numbers, waiting, folders, eighths and colour") {
    peer::FetchProgress progress = half_way();
    CHECK(progress_line(progress, 3, 80, ascii).starts_with("[3] big.iso"));
    CHECK(progress_line(progress, 0, 100, blocks).starts_with("big.iso   42 % ▕████████████▊"));
    CHECK(contains(progress_line(progress, 0, 100, Style{true, true}), "\x1b[36m█"));
    progress.parked = true;
    CHECK(progress_line(progress, 0, 80, ascii).ends_with("1.2/2.8 GiB  waiting"));
    progress.parked = false;
    progress.files = 12;
    progress.files_done = 3;
    CHECK(contains(progress_line(progress, 0, 100, ascii), "3/12 files"));
    CHECK(progress_text(progress) ==
          "big.iso  42 %  1.2/2.8 GiB  3/12 files  112 MiB/s  7 hosts  14 s");
    progress.name = "a\x1b[2J";
    CHECK(contains(progress_text(progress), "a\\x1B[2J"));
}

TEST_CASE("cli progress: no line is wider than the terminal") {
    SmallRandom random(11);
    const std::vector<std::string> names{"x", "日本語のとても長いファイル名.mkv", "größe.txt",
                                         std::string(300, 'n'), "e\xCC\x81\xCC\x81"};
    for (int i = 0; i < 20000; ++i) {
        peer::FetchProgress progress;
        progress.name = names[random.below(names.size())];
        progress.size = random.next() >> random.below(64);
        progress.done = random.below(progress.size + 1);
        progress.bytes_per_second = static_cast<double>(random.next() >> random.below(64));
        progress.hosts = static_cast<std::uint32_t>(random.below(500));
        progress.files = 1 + random.below(3);
        if (random.below(2) == 0) {
            progress.left = std::chrono::seconds(random.below(1'000'000));
        }
        const std::size_t columns = 1 + random.below(130);
        const Style style = random.below(2) == 0 ? blocks : ascii;
        const auto number = static_cast<unsigned>(random.below(20));
        const std::string line = progress_line(progress, number, columns, style);
        INFO(columns << " " << line);
        REQUIRE(width(line) <= columns);
    }
}

TEST_CASE("cli progress: a hundred percent is all of it, and nothing less") {
    CHECK(percent(0, 0) == 100);
    CHECK(percent(0, 1) == 0);
    CHECK(percent(limits::TiB - 1, limits::TiB) == 99);
    CHECK(percent(limits::TiB, limits::TiB) == 100);
    CHECK(percent(UINT64_MAX - 1, UINT64_MAX) == 99);
    CHECK(bar(0, 0, 4, ascii) == "[####]");
    CHECK(bar(1, 2, 4, blocks) == "▕██  ▏");
    CHECK(bar(1, 32, 4, blocks) == "▕▏   ▏");
    CHECK(size_pair(900 * MiB, 2 * GiB) == "900 MiB/2 GiB");
}

TEST_CASE("cli screen: text goes above the block, the block stays below") {
    Screen screen;
    CHECK(screen.draw("hello\n", {}, std::nullopt) == "hello\n");
    CHECK(screen.draw("", {"A", "B"}, std::nullopt) == "A\x1b[K\nB\x1b[K\x1b[J\r");
    CHECK(screen.draw("", {"A", "C"}, std::nullopt) == "\r\x1b[1AA\x1b[K\nC\x1b[K\x1b[J\r");
    CHECK(screen.draw("done\n", {"C"}, std::nullopt) == "\r\x1b[1A\x1b[Jdone\nC\x1b[K\x1b[J\r");
    const Screen::Footer footer{"> x", 3};
    CHECK(screen.draw("", {"C"}, footer) == "\rC\x1b[K\n> x\x1b[K\x1b[J\r\x1b[3C");
    CHECK(screen.clear() == "\r\x1b[1A\x1b[J");
    CHECK(screen.clear().empty());
}

TEST_CASE("cli screen: on a terminal that has become narrower the block stands on more rows") {
    Screen screen;
    screen.set_columns(80);
    const std::string progress = "\x1b[36m" + std::string(70, '#') + "\x1b[0m";
    const Screen::Footer footer{std::string(75, 'x'), 75};
    screen.draw("", {progress, "short"}, footer);
    screen.set_columns(
        35);  // 70 columns are two rows, and the cursor stands on the third of its line
    CHECK(screen.draw("", {"p"}, Screen::Footer{"> ", 2}).starts_with("\r\x1b[5Ap"));
    screen.set_columns(80);
    CHECK(screen.clear() == "\r\x1b[1A\x1b[J");
}

TEST_CASE("cli report: the closing line says what, how fast, which and from whom") {
    peer::FetchDone done;
    done.name = "big.iso";
    done.saved_as = "downloads/big.iso";
    done.size = 14 * GiB / 5;
    done.fetched = done.size;
    done.elapsed = 25600ms;
    done.root = std::string(64, 'a');
    done.shares = {{"127.0.0.2:8080", 60}, {"127.0.0.3:8080", 40}};
    CHECK(closing_line(done) == "big.iso  2.8 GiB in 26 s (112 MiB/s)  root " + done.root +
                                    "  from 127.0.0.2:8080 60 %, 127.0.0.3:8080 40 %"
                                    "  saved as downloads/big.iso\n");
    done.kept = GiB;
    CHECK(contains(closing_line(done), "kept 1 GiB"));
    done.shares.assign(11, {"h", 1});
    CHECK(contains(closing_line(done), "h 9 %, +3 more"));
    done.already_here = true;
    CHECK(contains(closing_line(done), "is here already, as downloads/big.iso"));
    done = {};
    done.name = "empty";
    CHECK(closing_line(done).starts_with("empty  0 B  saved as"));
    done.name = "folder/";
    done.files = 12;
    CHECK(closing_line(done).starts_with("folder/  12 files, 0 B"));
}

TEST_CASE("cli report: a rate is of what came, not of what was here") {
    peer::FetchDone done;
    done.name = "d/";
    done.files = 10;
    done.size = 10 * GiB;  // nine of them were here
    done.fetched = GiB;
    done.elapsed = 10s;
    CHECK(
        contains(closing_line(done), "10 files, 10 GiB in 10 s (102 MiB/s)  fetched 1 GiB  saved"));
    done.fetched = 0;  // all of them
    CHECK(contains(closing_line(done), "10 files, 10 GiB in 10 s  saved as"));
}

TEST_CASE("cli report: failures say why and what to do") {
    peer::FetchDone done;
    done.outcome = peer::Outcome::not_found;
    done.name = "repotr.txt";
    CHECK(failure_lines(done, std::nullopt, idiom) == "No server has 'repotr.txt'\n");
    done.near = {"report.txt", "re\x1bport"};
    CHECK(failure_lines(done, std::nullopt, idiom) ==
          "No server has 'repotr.txt'; did you mean: 'report.txt', 're\\x1Bport'\n");
    done.outcome = peer::Outcome::cancelled;
    CHECK(contains(failure_lines(done, half_way(), idiom),
                   "interrupted; 42 % is kept in downloads; type the name again"));
    CHECK(contains(failure_lines(done, std::nullopt, idiom), "nothing of it had arrived"));
    done.outcome = peer::Outcome::incomplete;
    done.text = "no progress for 30 s";
    CHECK(failure_lines(done, std::nullopt, idiom).starts_with("repotr.txt: no progress for 30 s"));
}

TEST_CASE("cli report: versions come with what to type") {
    peer::FetchDone done;
    done.outcome = peer::Outcome::versions_differ;
    done.name = "x";
    done.text = "hosts hold different contents";
    done.versions = {{GiB, "aaaaaaaa11" + std::string(54, '0'), {"127.0.0.2:8080"}, {}},
                     {MiB, "aaaaaaaa22" + std::string(54, '0'), {}, {"127.0.0.3:8080"}}};
    const std::string lines = failure_lines(done, std::nullopt, idiom);
    CHECK(contains(lines, "get x@aaaaaaaa1 "));  // eight digits would name both
    CHECK(contains(lines, "get x@aaaaaaaa2 "));
    CHECK(contains(lines, "127.0.0.2:8080"));
    CHECK(contains(lines, "in part: 1 host"));
}

TEST_CASE("cli report: lists put the name last and escape it") {
    peer::FileList list;
    list.hosts = 3;
    list.rows.push_back({"a b.txt", 5, std::string(64, 'b'), 2, 1, 1, true});
    list.rows.push_back({"evil\n", 2 * GiB, std::string(64, 'c'), 1, 0, 2, false});
    CHECK(list_table(list) ==
          " SIZE  HOLDERS  VERSIONS  HERE  NAME\n"
          "  5 B      2+1         1  yes   a b.txt\n"
          "2 GiB        1         2  -     evil\\x0A@cccccccc\n");
    CHECK(list_summary(list) == "2 files; 3 hosts answered\n");
    list.problem = peer::Outcome::no_host;
    list.text = "no host could be reached: 127.0.0.3:8080 is full";
    CHECK(list_summary(list) == list.text + "\n");
    CHECK(list_table({}).empty());
}

TEST_CASE("cli json: every event is one object on one line") {
    peer::FetchProgress progress = half_way();
    progress.fetch = {7};
    progress.name = "a\"b\\c\n\x01";
    progress.left.reset();
    CHECK(json_line(progress) ==
          "{\"event\":\"fetch_progress\",\"fetch\":7,\"name\":\"a\\\"b\\\\c\\u000a\\u0001\","
          "\"done\":1288490188,\"size\":3006477107,\"files_done\":0,\"files\":1,"
          "\"bytes_per_second\":1.17441e+08,\"hosts\":7,\"seconds_left\":null,"
          "\"parked\":false}\n");
    peer::FetchDone done;
    done.shares = {{"h", 1}};
    done.versions = {{1, "ab", {"h"}, {}}};
    const std::string line = json_line(done);
    CHECK(contains(line, "\"shares\":[{\"host\":\"h\",\"bytes\":1}]"));
    CHECK(contains(line, "\"complete\":[\"h\"],\"partial\":[]"));
    CHECK(contains(line, "\"outcome\":\"done\",\"code\":0"));
    peer::StatusReport report;
    report.lines = {{"port", "8080"}};
    CHECK(contains(json_line(report), "\"values\":{\"port\":\"8080\"}"));
    for (const peer::Event& event : {peer::Event(peer::FetchStarted{}),
                                     peer::Event(peer::FetchNote{}), peer::Event(peer::FileList{}),
                                     peer::Event(peer::PeerList{}), peer::Event(peer::Notice{})}) {
        const std::string one = json_line(event);
        CHECK(one.starts_with("{\"event\":\""));
        CHECK(one.find('\n') == one.size() - 1);
    }
}

TEST_CASE("cli json: broken text is still JSON, and no number is infinite") {
    JsonObject object;
    object.text("name", "\xff").real("rate", 1.0 / 0.0).real("small", 0.25);
    CHECK(object.str() == "{\"name\":\"\\\\xFF\",\"rate\":0,\"small\":0.25}");
}
