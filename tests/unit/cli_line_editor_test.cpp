// The line editor: sequences of keys, and the line they leave, drawn as "text|cursor".
#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "../support/temp_dir.hpp"
#include "cli/line_editor.hpp"
#include "cli/width.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"

using namespace shoal;
using namespace shoal::cli;
using Kind = LineEditor::Action::Kind;

namespace {

const std::string left = "\x1b[D", right = "\x1b[C", up = "\x1b[A", down = "\x1b[B";

std::string drawn(const LineEditor& editor) {
    std::string text = editor.text();
    return text.insert(editor.cursor(), "|");
}

std::string after(const std::string& keys) {
    History history;
    LineEditor editor(history);
    editor.feed(keys);
    return drawn(editor);
}

std::string ctrl(char letter) { return std::string(1, static_cast<char>(letter & 0x1F)); }

}  // namespace

TEST_CASE("cli editor: motions and changes") {
    struct Row {
        std::string keys, line;
    };
    const std::string words = "one two/three";
    for (const Row& row : {
             Row{"abc", "abc|"},
             Row{"abc" + left + left + "X", "aX|bc"},
             Row{"abc" + left + left + left + left + right, "a|bc"},
             Row{"abc" + ctrl('A') + "X" + ctrl('E') + "Y", "XabcY|"},
             Row{"abc\x1b[H\x1b[3~", "|bc"},
             Row{"abc\x1bOH" + right + "\x1bOF", "abc|"},
             Row{"abc\x7f\x08", "a|"},
             Row{"\x7f\x7f"
                 "a",
                 "a|"},
             Row{"abc" + ctrl('A') + ctrl('D'), "|bc"},
             Row{"abc" + left + ctrl('K'), "ab|"},
             Row{"abc" + left + ctrl('U'), "|c"},
             Row{"abc" + left + ctrl('U') + ctrl('E') + ctrl('Y') + ctrl('Y'), "cabab|"},
             Row{words + ctrl('W'), "one two/|"},
             Row{words + ctrl('W') + ctrl('W') + ctrl('Y'), "one two/|"},
             Row{words + "\x1b"
                         "b\x1b"
                         "b",
                 "one |two/three"},
             Row{words + "\x1b[1;5D", "one two/|three"},
             Row{words + ctrl('A') +
                     "\x1b"
                     "f\x1b"
                     "d",
                 "one|/three"},
             Row{"ab" + ctrl('T'), "ba|"},
             Row{"abc" + ctrl('A') + right + ctrl('T'), "ba|c"},
             Row{"a" + ctrl('T'), "a|"},
             Row{"grün" + left + left + "X", "grX|ün"},
             Row{"e\xCC\x81"
                 "x" +
                     left + left,
                 "|e\xCC\x81x"},  // a mark stays with its letter
             Row{"e\xCC\x81"
                 "x" +
                     left + "\x7f",
                 "|x"},
             Row{"日本" + left + "X", "日X|本"},
             Row{"a\xff"
                 "b\xc3"
                 "c",
                 "abc|"},                                   // broken bytes are not typed
             Row{"a\x1b[99;99Zb\x1bZ", "ab|"},              // nor unknown sequences
             Row{"\x1b[200~two\nlines\n\x1b[201~!", "!|"},  // two commands
             Row{"\x1b[200~two\nli\x1b[201~nes", "lines|"},
             Row{"\x1b[200~one line\n\x1b[201~!", "one line!|"},
             Row{"\x1b[200~\x1b[A\x03\x1b[201~", "[A|"},
             Row{"abc" + ctrl('C'), "|"},
         }) {
        INFO(text::escape(row.keys));
        CHECK(after(row.keys) == row.line);
    }
}

TEST_CASE("cli editor: byte by byte it is the same as at once") {
    const std::string keys =
        "gr\xC3\xBCn\x1b[D\x1b[D\x1b[1;5DX\x1b[200~paste\x1b[201~\x1b[C\x1b[3~" + ctrl('T');
    History history;
    LineEditor editor(history);
    for (const char byte : keys) {
        editor.feed({&byte, 1});
    }
    CHECK(drawn(editor) == after(keys));
}

TEST_CASE("cli editor: actions") {
    History history;
    LineEditor editor(history);
    const auto kinds = [&](const std::string& keys) {
        std::vector<Kind> seen;
        for (const auto& action : editor.feed(keys)) {
            seen.push_back(action.kind);
        }
        return seen;
    };
    CHECK(editor.feed("a name\r").at(0).text == "a name");
    CHECK(editor.text().empty());
    CHECK(kinds("one\rtwo\n") == std::vector<Kind>{Kind::line, Kind::line});
    CHECK(kinds("x" + ctrl('C')).empty());
    CHECK(kinds(ctrl('C')) == std::vector<Kind>{Kind::interrupt});
    CHECK(kinds("x" + ctrl('D')).empty());
    CHECK(kinds(ctrl('C') + ctrl('D')) == std::vector<Kind>{Kind::end_of_input});
    CHECK(kinds("\t" + ctrl('L') + ctrl('Z')) ==
          std::vector<Kind>{Kind::complete, Kind::clear_screen, Kind::suspend});
}

TEST_CASE("cli editor: history goes up and comes back to the draft") {
    History history;
    for (const char* line : {"first", "second", "second", "", "third"}) {
        history.add(line);
    }
    CHECK(history.size() == 3);
    LineEditor editor(history);
    editor.feed("draft" + up);
    CHECK(drawn(editor) == "third|");
    editor.feed(up + up + up + up);
    CHECK(drawn(editor) == "first|");
    editor.feed(down + down + down);
    CHECK(drawn(editor) == "draft|");
    editor.feed(down);
    CHECK(drawn(editor) == "draft|");
}

TEST_CASE("cli editor: Ctrl-R searches backwards") {
    History history;
    for (const char* line : {"alpha.iso", "beta.iso", "alpha two.txt"}) {
        history.add(line);
    }
    LineEditor editor(history);
    editor.feed("draft" + ctrl('R') + "alp");
    CHECK(drawn(editor) == "alpha two.txt|");
    CHECK(editor.view("shoal> ", 60).line == "(search 'alp') alpha two.txt");
    editor.feed(ctrl('R'));
    CHECK(drawn(editor) == "alpha.iso|");
    editor.feed("zzz");
    CHECK(editor.view("shoal> ", 60).line == "(no 'alpzzz') alpha.iso");
    editor.feed(ctrl('G'));
    CHECK(drawn(editor) == "draft|");
    editor.feed(ctrl('R') + "beta");
    CHECK(editor.feed("\r").at(0).text == "beta.iso");
}

TEST_CASE("cli editor: what is drawn fits, scrolls and shows the cursor's column") {
    History history;
    LineEditor editor(history);
    editor.feed("abcdef");
    CHECK(editor.view("> ", 20).line == "> abcdef");
    CHECK(editor.view("> ", 20).cursor == 8);
    editor.feed(std::string("ghijklmnopqrstuvwxyz"));
    const auto end = editor.view("> ", 12);
    CHECK(end.line.starts_with("> <"));
    CHECK(end.line.ends_with("z"));
    CHECK(end.cursor == width(end.line));
    editor.feed(ctrl('A'));
    const auto start = editor.view("> ", 12);
    CHECK(start.line == "> abcdefgh>");
    CHECK(start.cursor == 2);
}

TEST_CASE("cli editor: names that would draw are shown escaped") {
    History history;
    LineEditor editor(history);
    editor.insert("a\x1b[2Jb");
    const auto view = editor.view("> ", 60);
    CHECK(view.line == "> a\\x1B[2Jb");
    CHECK(view.cursor == width(view.line));
}

TEST_CASE("cli editor: whatever is typed, the line is UTF-8 and the view fits") {
    SmallRandom random(7);
    const std::vector<std::string> pieces{
        "a",      "/",    " ",       "ü",    "日",   "e\xCC\x81", "\x1b[D",    "\x1b[C",
        "\x1b[A", "\x7f", "\x1b[3~", "\x1b", "[",    "\x1b[200~", "\x1b[201~", "\xff",
        "\xc3",   "\x12", "\x14",    "\x17", "\x19", "\x0b",      "\x15",      "\r",
        "\x03",   "\x01", "\x05",    "~",    ";",    "🙂"};
    History history;
    LineEditor editor(history);
    for (int i = 0; i < 20000; ++i) {
        editor.feed(pieces[random.below(pieces.size())]);
        const std::size_t columns = 1 + random.below(30);
        const auto view = editor.view("shoal> ", columns);
        REQUIRE(text::is_utf8(editor.text()));
        REQUIRE(editor.cursor() <= editor.text().size());
        REQUIRE(text::is_utf8(editor.before_cursor()));
        REQUIRE(width(view.line) <= std::max<std::size_t>(columns, 4));
        REQUIRE(view.cursor <= width(view.line));
    }
}

TEST_CASE("cli history: kept in a private file, damaged lines left out") {
    const test::TempDir folder;
    const std::string path = folder / "history";
    History none;
    CHECK(load_history(none, path));
    CHECK(append_history(path, "one"));
    CHECK(append_history(path, "zwei drei"));
    CHECK(append_history(path, "get evil\nquit"));  // would be two lines
    std::ofstream(path, std::ios::app) << "\xff\xfe\nlast";
    History history;
    REQUIRE(load_history(history, path));
    REQUIRE(history.size() == 3);
    CHECK(history.at(1) == "zwei drei");
    CHECK(history.at(2) == "last");
    std::ofstream(path) << std::string(3'000'000, 'x') << "\nend\n";
    History large;
    REQUIRE(load_history(large, path));
    CHECK(large.size() == 1);
    CHECK(std::ifstream(path, std::ios::ate).tellg() < 10);
}

TEST_CASE("cli width: columns of characters, and cuts between them") {
    CHECK(width("abc") == 3);
    CHECK(width("größe") == 5);
    CHECK(width("日本語") == 6);
    CHECK(width("e\xCC\x81") == 1);
    CHECK(width("🙂") == 2);
    CHECK(shorten("abcdefghij", 10, "…") == "abcdefghij");
    CHECK(shorten("abcdefghijk", 10, "…") == "abcd…ghijk");
    CHECK(shorten("日本語日本語", 7, "…") == "日…語");
    CHECK(width(shorten("日本語日本語", 8, "...")) <= 8);
    CHECK(fit_back("abe\xCC\x81", 1) == "e\xCC\x81");
    CHECK(pad("é", 3) == "é  ");
    CHECK(cluster_length("") == 0);
}
