// What a line at the prompt means, lines out of bytes, and what Tab adds.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cli/completion.hpp"
#include "cli/line_splitter.hpp"
#include "cli/prompt_line.hpp"

using namespace shoal::cli;
using Verb = PromptLine::Verb;

TEST_CASE("cli prompt line: a line is a filename unless its first word is a command") {
    struct Row {
        std::string line, name, root, literal;
    };
    const std::string digits = "3f9a1c2b";
    for (const Row& row : {
             Row{"report.pdf", "report.pdf", "", ""},
             Row{"  my holiday film.mkv \r\n", "my holiday film.mkv", "", ""},
             Row{"listing.txt", "listing.txt", "", ""},
             Row{"get list", "list", "", ""},
             Row{"get -- list", "list", "", ""},
             Row{"get -- -x", "-x", "", ""},
             Row{"get   two  words", "two  words", "", ""},
             Row{"\" padded \"", " padded ", "", ""},
             Row{"'list'", "list", "", ""},
             Row{"get 'quit'", "quit", "", ""},
             Row{"'tis.txt", "'tis.txt", "", ""},
             Row{"''", "", "", ""},
             Row{"folder/", "folder/", "", ""},
             Row{"a@" + digits, "a", digits, "a@" + digits},
             Row{"a@b@3F9A1C2B", "a@b", digits, "a@b@3F9A1C2B"},
             Row{"a@3f9a1c2", "a@3f9a1c2", "", ""},
             Row{"a@" + std::string(64, 'e'), "a", std::string(64, 'e'),
                 "a@" + std::string(64, 'e')},
             Row{"a@" + std::string(65, 'e'), "a@" + std::string(65, 'e'), "", ""},
             Row{"@" + digits, "@" + digits, "", ""},
             Row{"user@example.org", "user@example.org", "", ""},
             Row{"\"a@" + digits + "\"", "a@" + digits, "", ""},
             Row{"\"a b\"@" + digits, "a b", digits, ""},
         }) {
        const PromptLine line = parse_prompt_line(row.line);
        INFO(row.line << " | " << line.error);
        if (row.name.empty()) {
            CHECK(line.verb == Verb::wrong);
            continue;
        }
        CHECK(line.verb == Verb::get);
        CHECK(line.wanted.name == row.name);
        CHECK(line.wanted.root_prefix == row.root);
        CHECK(line.wanted.literal == row.literal);
    }
}

TEST_CASE("cli prompt line: commands and their arguments") {
    CHECK(parse_prompt_line("").verb == Verb::nothing);
    CHECK(parse_prompt_line(" \t ").verb == Verb::nothing);
    CHECK(parse_prompt_line("peers").verb == Verb::peers);
    CHECK(parse_prompt_line("status ").verb == Verb::status);
    CHECK(parse_prompt_line("quit\r").verb == Verb::quit);
    CHECK(parse_prompt_line("list").argument.empty());
    CHECK(parse_prompt_line("list my folder/").argument == "my folder/");
    CHECK(parse_prompt_line("cancel 2").argument == "2");
    CHECK(parse_prompt_line("cancel ' x'").argument == " x");
    CHECK(parse_prompt_line("help get").argument == "get");
}

TEST_CASE("cli prompt line: limits take rate words") {
    CHECK(parse_prompt_line("limit").verb == Verb::limit);
    CHECK(parse_prompt_line("limit up 16MiB").up == 16U * 1024 * 1024);
    CHECK(parse_prompt_line("limit down 100Mbit").down == 12'500'000U);
    CHECK(parse_prompt_line("limit up off").up == 0U);
    CHECK_FALSE(parse_prompt_line("limit up off").down);
    for (const char* line : {"limit up", "limit sideways 1MiB", "limit up fast", "limit 3"}) {
        const PromptLine wrong = parse_prompt_line(line);
        CHECK(wrong.verb == Verb::wrong);
        CHECK_FALSE(wrong.error.empty());
    }
}

TEST_CASE("cli prompt line: what does nothing beside another is explained") {
    for (const char* line : {"get --plan --explain f", "get --explain --plan f",
                             "search --local --ttl 3 f", "search --ttl=3 f --local"}) {
        const PromptLine asked = parse_prompt_line(line);
        CHECK(asked.verb == PromptLine::Verb::wrong);
        CHECK(asked.error.find("does nothing beside --") != std::string::npos);
    }
}

TEST_CASE("cli prompt line: what a command cannot take is explained") {
    CHECK(parse_prompt_line("get --fast x").error.find("get -- --fast x") != std::string::npos);
    CHECK(parse_prompt_line("status report.pdf").error.find("get status report.pdf") !=
          std::string::npos);
    CHECK(parse_prompt_line("get").verb == Verb::wrong);
    CHECK(parse_prompt_line("get --").verb == Verb::wrong);
    CHECK(parse_prompt_line("get --\x1b[2J").error.find('\x1b') == std::string::npos);
}

TEST_CASE("cli prompt help: tells of every command, and of one") {
    for (const std::string& command : prompt_commands()) {
        CHECK(prompt_help("").find("  " + command) != std::string::npos);
        CHECK(prompt_help(command).find(command) != std::string::npos);
    }
    CHECK(prompt_help("cancle").find("did you mean 'cancel'?") != std::string::npos);
}

namespace {

std::vector<std::string> lines_of(LineSplitter& splitter) {
    std::vector<std::string> lines;
    while (auto line = splitter.next()) {
        lines.push_back(line->too_long ? "<too long>" : line->text);
    }
    return lines;
}

}  // namespace

TEST_CASE("cli line splitter: whole or byte by byte, the lines are the same") {
    const std::string bytes = "one\n\ntwo\nthree and more\nfour";
    const std::vector<std::string> expected{"one", "", "two", "<too long>", "four"};
    LineSplitter whole(8);
    whole.feed(bytes);
    whole.end();
    CHECK(lines_of(whole) == expected);

    LineSplitter single(8);
    std::vector<std::string> lines;
    for (const char byte : bytes) {
        single.feed({&byte, 1});
        const auto some = lines_of(single);
        lines.insert(lines.end(), some.begin(), some.end());
    }
    single.end();
    const auto rest = lines_of(single);
    lines.insert(lines.end(), rest.begin(), rest.end());
    CHECK(lines == expected);
}

TEST_CASE("cli line splitter: a line without end holds no memory and is said once") {
    LineSplitter splitter(1000);
    for (int i = 0; i < 1000; ++i) {
        splitter.feed(std::string(1024, 'x'));
        CHECK_FALSE(splitter.next());
        CHECK(splitter.buffered() <= 2048);
    }
    splitter.feed("\nnext\n");
    CHECK(lines_of(splitter) == std::vector<std::string>{"<too long>", "next"});
    splitter.feed(std::string(5000, 'y'));
    CHECK_FALSE(splitter.next());
    splitter.end();
    CHECK(lines_of(splitter) == std::vector<std::string>{"<too long>"});
}

TEST_CASE("cli completion: adds what all candidates share") {
    const std::vector<std::string> names{"a/eins.txt", "a/zwei.txt", "big file.iso", "peer.txt",
                                         "größe1",     "größe2",     "grönland"};
    struct Row {
        std::string line, insert;
        std::size_t matches;
    };
    for (const Row& row :
         {Row{"b", "ig file.iso", 1}, Row{"big f", "ile.iso", 1}, Row{"a", "/", 2},
          Row{"a/e", "ins.txt", 1}, Row{"get a/z", "wei.txt", 1}, Row{"get -- big", " file.iso", 1},
          Row{"\"big", " file.iso", 1}, Row{"pe", "er", 2},  // the command peers, and a file
          Row{"get pe", "er.txt", 1}, Row{"g", "", 4},       // also get
          Row{"grö", "", 3}, Row{"größ", "e", 2}, Row{"nothing", "", 0}}) {
        const Completion found = complete(row.line, names);
        INFO(row.line);
        CHECK(found.insert == row.insert);
        CHECK(found.matches.size() == row.matches);
    }
    // 'ö' and 'õ' begin with the same byte, which alone is no character.
    CHECK(complete("x", {"xö", "xõ"}).insert.empty());
}

TEST_CASE("cli completion: many matches are cut, long ones shortened") {
    const std::vector<std::string> many(100, "name");
    const std::string table = match_table(many, 20, 3);
    CHECK(table.find("and 91 more") != std::string::npos);
    CHECK(match_table({std::string(200, 'x')}, 20, 3).size() <= 20);
    CHECK(match_table({"a\x1b[2J"}, 80, 3) == "a\\x1B[2J\n");
}
