// Words of a search, numbers of its results, and what the prompt and `get --search` make of them.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "../support/front_run.hpp"
#include "cli/found.hpp"
#include "cli/prompt_line.hpp"
#include "cli/search_report.hpp"
#include "cli/search_words.hpp"
#include "cli/session.hpp"

using namespace shoal;
using namespace shoal::cli;
using namespace shoal::test;
using peer::Outcome;

namespace {

using Kind = peer::SearchOrder::Kind;
using Numbers = std::vector<std::size_t>;

SearchRequest words(const std::string& rest) {
    INFO(rest);
    const auto request = parse_search_line(rest);
    REQUIRE(request);
    return *request;
}

std::string fault(const std::string& rest) {
    const auto request = parse_search_line(rest);
    return request ? "" : request.error().message;
}

peer::FoundFile found(const std::string& name, char root, std::uint32_t complete) {
    peer::FoundFile file;
    file.name = name;
    file.size = 7;
    file.root = std::string(64, root);
    file.complete = complete;
    file.hops = 2;
    for (std::uint32_t n = 0; n < complete; ++n) {
        const std::string host = "10.0.0." + std::to_string(n + 1) + ":8080";
        file.hosts.push_back({host, 2, 0, true, {"10.0.0.9:8080", host}});
    }
    return file;
}

peer::FoundFile pending(const std::string& name) {
    peer::FoundFile file = found(name, 'p', 1);
    file.root.clear();
    file.complete = 0;
    file.pending = true;
    return file;
}

// A session at a keyboard, and what it says.
struct Keyboard {
    PlayedPeer played;
    Stdio stdio{""};
    Options options = *parse_options({});
    Console console{options, Console::Input::none};
    Fetches fetches;
    Session session{options, console, fetches, true};
    struct Sink : peer::EventSink {
        void deliver(const peer::Event&) override {}
    } sink;

    Keyboard() {
        fetches.start(played, sink);
        session.start(played, sink);
        played.on_fetch = [](FetchId, const peer::FetchOrder&) {
            return std::vector<peer::Event>();  // it goes on until the test ends it
        };
    }
    // What is said of it.
    std::string type(const std::string& line) {
        session.execute(line);
        return stdio.err();
    }
    std::string handle(const peer::Event& event) {
        session.handle(event);
        return stdio.err();
    }
    std::string end(std::uint64_t fetch, Outcome outcome) {
        return handle(
            PlayedPeer::ended(FetchId{fetch}, played.fetches.at(fetch - 1).name, outcome));
    }
    static bool offers(const std::string& said, const std::string& name) {
        return said.find("Search for '" + name + "' beyond") != std::string::npos;
    }
};

}  // namespace

TEST_CASE("cli search: options stand anywhere, the rest is the question") {
    CHECK(words("holiday").order.pattern == "holiday");
    CHECK(words("  my  holiday  ").order.pattern == "my  holiday");
    CHECK(words("'  padded '").order.pattern == "  padded ");
    CHECK(words("-- --ttl").order.pattern == "--ttl");
    const auto all =
        words("--glob *.iso --ttl 3 --wait=9 --min 1KiB --max 2MB --ext txt,md --show-path");
    CHECK(all.order.kind == Kind::glob);
    CHECK(all.order.pattern == "*.iso");
    CHECK(all.order.ttl == 3);
    CHECK_FALSE(all.order.widen);
    CHECK(all.order.wait == std::chrono::seconds(9));
    CHECK(all.order.size_min == 1024);
    CHECK(all.order.size_max == 2'000'000);
    CHECK(all.order.extensions == "txt,md");
    CHECK(all.show_path);
    CHECK(words("a b --json").order.pattern == "a b");
    CHECK(words("a b --json").json);
    CHECK(words("x --local").order.ttl == 1);
    CHECK(words("--regex 'a b' --local").order.pattern == "a b");
    CHECK(words("--ext txt").order.pattern.empty());
    CHECK(words("x").order.widen);
}

TEST_CASE("cli search: what cannot be meant is refused") {
    for (const char* rest :
         {"", "--ttl 16 x", "--ttl 0 x", "--wait 61 x", "--min 1Mbit x", "--max off x",
          "--glob --regex x", "--glob", "--nonsense x", "--min 2 --max 1", "--ext '' x"}) {
        CAPTURE(rest);
        CHECK_FALSE(fault(rest).empty());
    }
    CHECK(fault("--tll 3 x").find("did you mean '--ttl'") != std::string::npos);
}

TEST_CASE("cli search: numbers of results") {
    CHECK(parse_numbers("#3") == Numbers{3});
    CHECK(parse_numbers("#1-4") == Numbers{1, 2, 3, 4});
    CHECK(parse_numbers("#2-#3,#1") == Numbers{2, 3, 1});
    CHECK(parse_numbers("#1, #1-2") == Numbers{1, 2});
    for (const char* text : {"3", "#", "#0", "#3-1", "#1001", "#1-", "#1,", "#a", "#1x", "#-2"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_numbers(text));
    }
    using Verb = PromptLine::Verb;
    CHECK(parse_prompt_line("get #1-2").numbers == Numbers{1, 2});
    CHECK(parse_prompt_line("#7").verb == Verb::get_found);
    CHECK(parse_prompt_line("#0").verb == Verb::wrong);
    CHECK(parse_prompt_line("get #5-2").verb == Verb::wrong);
    CHECK(parse_prompt_line("#1 hit.mp3").wanted.name == "#1 hit.mp3");
    CHECK(parse_prompt_line("get -- #1").wanted.name == "#1");
    CHECK(parse_prompt_line("'#1'").wanted.name == "#1");
    CHECK(parse_prompt_line("search a --glob").search.order.kind == Kind::glob);
    CHECK(parse_prompt_line("search").verb == Verb::wrong);
}

TEST_CASE("cli search: the content that most hold is chosen, a tie is not") {
    peer::SearchResults results;
    results.files = {found("a/x", 'a', 1), found("b/x", 'b', 2), found("xx", 'c', 9)};
    REQUIRE(choose(results, "x", "").file != nullptr);
    CHECK(choose(results, "x", "").file->name == "b/x");
    CHECK(choose(results, "x", "aa").file->name == "a/x");
    CHECK(choose(results, "y", "").file == nullptr);
    CHECK(choose(results, "y", "").versions.empty());
    results.files.push_back(found("x", 'd', 2));
    CHECK(choose(results, "x", "").file == nullptr);
    CHECK(choose(results, "x", "").versions.size() == 2);
    results.files[1].partial = 3;  // parts do not break a tie of whole ones
    CHECK(choose(results, "x", "").file == nullptr);
    results.files[1].complete = 3;
    const Choice choice = choose(results, "x", "");
    REQUIRE(choice.file != nullptr);
    CHECK(choice.file->name == "b/x");
    REQUIRE(choice.versions.size() == 3);
    CHECK(choice.versions[0].root == choice.file->root);
}

TEST_CASE("cli search: what is pending is fetched when nothing else is called so") {
    peer::SearchResults results;
    results.files = {pending("a/x"), pending("b/x"), found("c/xx", 'c', 9)};
    CHECK(choose(results, "x", "").file == nullptr);
    REQUIRE(choose(results, "x", "").pending != nullptr);
    CHECK(choose(results, "x", "").pending->name == "a/x");  // the nearest
    CHECK(choose(results, "x", "aa").pending != nullptr);    // it may have that root
    CHECK(choose(results, "y", "").pending == nullptr);
    results.files.push_back(found("d/x", 'd', 1));
    CHECK(choose(results, "x", "").file->name == "d/x");
    CHECK(choose(results, "x", "").pending == nullptr);
    CHECK(choose(results, "x", "").versions.size() == 1);
    CHECK(choose(results, "x", "aa").pending != nullptr);
}

TEST_CASE("cli search: a long name is searched for by its end") {
    const auto order = search_for_name(std::string(300, 'a') + "\xc3\x84" + std::string(127, 'b'));
    CHECK(order.pattern == std::string(127, 'b'));
    CHECK(search_for_name("short").pattern == "short");
}

TEST_CASE("cli search: the table and the price") {
    peer::SearchResults results;
    results.files = {found("a.txt", 'a', 2)};
    results.files[0].rate = 2 * 1024 * 1024;
    results.price = {7, 20, 2048, 3, 1, 0, 0, 0, {2, 4}};
    results.elapsed = std::chrono::milliseconds(12);
    const std::string table = search_table(results, true);
    CHECK(table.find("1   7 B        2     2    2 MiB/s  -     a.txt") != std::string::npos);
    CHECK(table.find("10.0.0.1:8080  by way of 10.0.0.9:8080 > 10.0.0.1:8080") !=
          std::string::npos);
    CHECK(search_summary(results) ==
          "1 file at 2 hosts; asked 7 hosts (TTL 2, 4) with 20 messages, 2 KiB, 3 duplicates "
          "dropped, in 12 ms; 1 lost on the way\n");
    CHECK(search_code(results) == 0);
    results.files.push_back(pending("b.txt"));
    CHECK(search_table(results, false).find("  7 B  pending     2") != std::string::npos);
    CHECK(search_summary(results).starts_with("2 files at 2 hosts, 1 pending: being hashed"));
    results.files.erase(results.files.begin());
    results.problem = Outcome::incomplete;
    CHECK(
        search_summary(results).starts_with("1 file at 1 host, 1 pending: being hashed or "
                                            "written; asked 7 hosts"));
    CHECK(search_code(results) == 5);
    results.files.clear();
    results.text = "nothing found, but 1 host did not answer in time";
    CHECK(search_summary(results).starts_with(results.text + "; asked 7 hosts"));
    CHECK(search_code(results) == 5);
    results.problem.reset();
    CHECK(search_code(results) == 3);
    results.problem = Outcome::no_host;
    results.text = "no\nhost";
    CHECK(search_summary(results) == "no\\x0Ahost\n");
    CHECK(search_code(results) == 4);
}

TEST_CASE("cli prompt: results are kept and fetched by number") {
    PlayedPeer played;
    played.results.files = {found("a", 'a', 1), found("b", 'b', 2), found("c", 'c', 1)};
    const Ended ended = run_front({"--json"}, played, "search x\nget #2-3\n#4\n");
    CHECK(ended.code == 2);
    REQUIRE(played.fetches.size() == 2);
    CHECK(played.fetches[0].name == "b");
    CHECK(played.fetches[0].root == std::string(64, 'b'));
    CHECK(played.fetches[0].hosts == std::vector<std::string>{"10.0.0.1:8080", "10.0.0.2:8080"});
    CHECK(played.fetches[1].name == "c");
    CHECK(ended.err.find("there is no #4; the last search found 3") != std::string::npos);
    CHECK(ended.out.find("\"event\":\"search_results\"") != std::string::npos);
    CHECK(run_front({}, played, "get #1\n").code == 2);  // another session has no results
}

TEST_CASE("cli get --search: what no known host has is searched for") {
    PlayedPeer played;
    played.results.files = {found("far/x", 'a', 1)};
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        return std::vector<peer::Event>{PlayedPeer::ended(
            id, order.name, order.root.empty() ? Outcome::not_found : Outcome::done)};
    };
    CHECK(run_front({"get", "x"}, played).code == 3);
    CHECK(played.searched.empty());
    CHECK(run_front({"get", "x", "--search"}, played).code == 0);
    REQUIRE(played.searched.size() == 1);
    CHECK(played.searched[0].pattern == "x");
    CHECK(played.fetches.back().name == "x");  // as it was asked for
    CHECK(played.fetches.back().root == std::string(64, 'a'));
    const Ended nobody = run_front({"get", "y", "--search"}, played);
    CHECK(nobody.code == 3);
    CHECK(nobody.err.find("no host within reach has 'y'") != std::string::npos);
    played.results.files.push_back(found("x", 'b', 1));
    CHECK(run_front({"get", "x", "--search"}, played).code == 7);
}

TEST_CASE("cli prompt: a search is offered when all that a line may mean was not found") {
    Keyboard user;
    user.type("x@DEADBEEF");
    CHECK(user.end(1, Outcome::not_found).empty());  // the whole text is tried
    REQUIRE(user.played.fetches.size() == 2);
    CHECK(user.played.fetches[1].name == "x@DEADBEEF");
    CHECK(user.type("cancel 7").find("no download is called '7'") != std::string::npos);
    SECTION("that is found") {
        CHECK_FALSE(user.offers(user.end(2, Outcome::done), "x@DEADBEEF"));
        user.type("y");
        CHECK(user.played.fetches.back().name == "y");  // nothing is offered: a name
    }
    SECTION("that is not found either") {
        CHECK(user.offers(user.end(2, Outcome::not_found), "x@DEADBEEF"));
        SECTION("yes") {
            user.played.results.files = {found("far/x", 'd', 1), found("x", 'a', 3)};
            user.played.results.files[0].root.replace(0, 8, "deadbeef");
            user.type("y");
            REQUIRE(user.played.searched.size() == 1);
            CHECK(user.played.searched[0].pattern == "x");
            user.handle(user.played.events.front());
            CHECK(user.played.fetches.at(2).root.starts_with("deadbeef"));
            CHECK(user.played.fetches[2].name == "x");
            CHECK_FALSE(user.offers(user.end(3, Outcome::not_found), "x"));
        }
        SECTION("yes, in vain: it is not offered again") {
            user.type("y");
            user.handle(user.played.events.front());
            REQUIRE(user.played.fetches.size() == 3);
            CHECK(user.played.fetches[2].name == "x@DEADBEEF");
            CHECK_FALSE(user.offers(user.end(3, Outcome::not_found), "x@DEADBEEF"));
        }
    }
    CHECK(user.fetches.pending() == (user.played.fetches.back().name == "y" ? 1 : 0));
}

TEST_CASE("cli prompt: a search is not offered while one is made, and is of one fetch") {
    Keyboard user;
    user.type("a");
    user.type("b");
    CHECK(user.offers(user.end(1, Outcome::not_found), "a"));
    CHECK(user.end(1, Outcome::not_found).empty());  // that one has ended
    CHECK_FALSE(user.offers(user.end(2, Outcome::incomplete), "b"));
    user.type("y");
    CHECK(user.played.searched.at(0).pattern == "a");
    Keyboard seeker;
    seeker.fetches.seek_always();
    seeker.type("a");
    CHECK(seeker.end(1, Outcome::not_found).empty());
    CHECK(seeker.played.searched.size() == 1);
    CHECK(seeker.fetches.cancel("a"));  // the search for it
}

TEST_CASE("cli get --search: what is pending there is asked for there") {
    PlayedPeer played;
    played.results.files = {pending("far/x")};
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        return std::vector<peer::Event>{PlayedPeer::ended(
            id, order.name, order.hosts.empty() ? Outcome::not_found : Outcome::done)};
    };
    CHECK(run_front({"get", "x@deadbeef", "--search"}, played).code == 0);
    const peer::FetchOrder& order = played.fetches.back();
    CHECK(order.name == "x");
    CHECK(order.path_there == "far/x");
    CHECK(order.root.empty());
    CHECK(order.root_prefix == "deadbeef");
    CHECK(order.hosts == std::vector<std::string>{"10.0.0.1:8080"});
    played.on_fetch = [](FetchId id, const peer::FetchOrder& asked) {
        return std::vector<peer::Event>{PlayedPeer::ended(id, asked.name, Outcome::not_found)};
    };
    CHECK(run_front({"get", "x", "--search"}, played).code == 3);  // it has gone; once is enough
}

TEST_CASE("cli get --search: nobody has it only if everybody has said so") {
    PlayedPeer played;
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        return std::vector<peer::Event>{PlayedPeer::ended(id, order.name, Outcome::not_found)};
    };
    CHECK(run_front({"get", "x", "--search"}, played).code == 3);
    played.results.doubts = "1 host did not answer in time";
    const Ended silent = run_front({"get", "x", "--search"}, played);
    CHECK(silent.code == 5);
    CHECK(silent.err.find("1 host did not answer in time") != std::string::npos);
    played.results.doubts.clear();
    played.results.truncated = true;
    CHECK(run_front({"get", "x", "--search"}, played).code == 5);
}

TEST_CASE("cli search: the command prints a table, and ends by what was found") {
    PlayedPeer played;
    played.results.files = {found("a", 'a', 1)};
    const Ended ended = run_front({"search", "--ttl", "3", "two", "words"}, played);
    CHECK(ended.code == 0);
    CHECK(ended.out.starts_with("#  SIZE"));
    CHECK(played.searched.at(0).pattern == "two words");
    CHECK(played.searched.at(0).ttl == 3);
    CHECK_FALSE(parse_options({"search"}));
    CHECK_FALSE(parse_options({"search", "--glob"}));
    CHECK_FALSE(parse_options({"get", "x", "--glob"}));
    CHECK(parse_options({"search", "--ext", "txt"}));
}
