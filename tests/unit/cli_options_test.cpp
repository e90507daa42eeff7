// Options: the command line and the config file, row by row.
#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "../support/temp_dir.hpp"
#include "cli/nearest.hpp"
#include "cli/option_table.hpp"
#include "shoal/cli/options.hpp"

using namespace shoal;
using namespace shoal::cli;

namespace {

Options parsed(const std::vector<std::string>& words) {
    const auto options = parse_options(words);
    INFO((options ? "" : options.error().message));
    REQUIRE(options);
    return *options;
}

std::string refused(const std::vector<std::string>& words) {
    const auto options = parse_options(words);
    REQUIRE_FALSE(options);
    CHECK(options.error().kind == ErrorKind::bad_input);
    return options.error().message;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class ConfigFile {
  public:
    explicit ConfigFile(const std::string& text) { std::ofstream(path_) << text; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    test::TempDir folder_;
    std::string path_ = folder_ / "shoal.conf";
};

}  // namespace

TEST_CASE("cli options: without words it is the prompt, with the documented defaults") {
    const Options options = parsed({});
    CHECK(options.command == Command::prompt);
    CHECK(options.peer.port == 8080);
    CHECK(options.peer.hosts_file == "hosts.txt");
    CHECK(options.peer.max_upload == 0);
    CHECK(options.timeout == std::chrono::seconds(30));
    CHECK_FALSE(options.peer.one_shot);
    CHECK(options.progress == Progress::automatic);
}

TEST_CASE("cli options: before or behind the command is the same") {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"--rename", "--max-upload", "2MiB", "get", "a b", "--timeout=5", "c"},
             {"get", "a b", "c", "--timeout", "5", "--rename", "--max-upload=2MiB/s"}}) {
        const Options options = parsed(words);
        CHECK(options.command == Command::get);
        CHECK(options.arguments == std::vector<std::string>{"a b", "c"});
        CHECK(options.rename);
        CHECK(options.timeout == std::chrono::seconds(5));
        CHECK(options.peer.max_upload == 2 * 1024 * 1024);
    }
}

TEST_CASE("cli options: one-shots take a free port unless told") {
    CHECK(parsed({"get", "x"}).peer.port == 0);
    CHECK(parsed({"get", "x"}).peer.one_shot);
    CHECK(parsed({"list"}).peer.port == 0);
    CHECK(parsed({"list", "--port", "9000"}).peer.port == 9000);
    CHECK(parsed({"serve"}).peer.port == 8080);
    CHECK(parsed({"status"}).peer.port == 8080);
}

TEST_CASE("cli options: two dashes end them") {
    const Options options = parsed({"get", "--stay", "--", "--rename", "-x", "list"});
    CHECK(options.stay);
    CHECK_FALSE(options.rename);
    CHECK(options.arguments == std::vector<std::string>{"--rename", "-x", "list"});
}

TEST_CASE("cli options: the last of two wins") {
    CHECK(parsed({"--port", "1", "--port", "2"}).peer.port == 2);
}

TEST_CASE("cli options: what is not allowed is named, with what is") {
    struct Row {
        std::vector<std::string> words;
        std::vector<std::string> parts;
    };
    const std::vector<Row> rows{
        {{"--port", "65536"}, {"'--port'", "'65536'", "0 to 65535"}},
        {{"--port", "-1"}, {"'--port'", "'-1'"}},
        {{"--port", "80x"}, {"'80x'", "whole number"}},
        {{"--port"}, {"'--port'", "needs a value"}},
        {{"--port="}, {"'--port'", "needs a value"}},
        {{"--json=yes"}, {"'--json'", "takes no value"}},
        {{"--timeout", "0"}, {"'--timeout'", "from 1"}},
        {{"--max-upload", "fast"}, {"'--max-upload'", "'fast'", "16MiB"}},
        {{"--max-clients", "0"}, {"'--max-clients'", "from 1 to"}},
        {{"--max-clients", "100000"}, {"'--max-clients'", "to 928"}},
        {{"--wait-hosts", "5000"}, {"0 to 4096"}},
        {{"--bind", "example.org"}, {"'--bind'", "numeric address"}},
        {{"--progress", "maybe"}, {"auto, always or never"}},
        {{"--log-level", "loud"}, {"error, warning, info or debug"}},
        {{"--prot", "1"}, {"'--prot'", "did you mean '--port'?"}},
        {{"--xyzzy"}, {"unknown option '--xyzzy'"}},
        {{"gte", "x"}, {"unknown command 'gte'", "did you mean 'get'?"}},
        {{"report.pdf"}, {"unknown command 'report.pdf'", "shoal get -- 'report.pdf'"}},
        {{"get"}, {"'get' needs an argument", "usage: shoal get NAME..."}},
        {{"serve", "x"}, {"'serve' does not take 'x'"}},
        {{"list", "a", "b"}, {"does not take 'b'"}},
        {{"list", "--stay"}, {"'--stay' does not go with 'list'"}},
        {{"--stay"}, {"'--stay' does not go with the prompt"}},
        {{"help", "gte"}, {"did you mean 'get'?"}},
        {{"--config", "/nonexistent/shoal.conf"}, {"cannot read config file", "'--config'"}},
        {{"\x1b[2J"}, {"\\x1B[2J"}},
    };
    for (const Row& row : rows) {
        const std::string message = refused(row.words);
        for (const std::string& part : row.parts) {
            INFO(message << " should hold " << part);
            CHECK(contains(message, part));
        }
    }
}

TEST_CASE("cli options: the config file speaks, the command line wins") {
    const ConfigFile file("# a comment\nport = 9001\nmax-upload = 1MiB\njson = yes\nstay = no\n");
    const Options options = parsed({"--config", file.path(), "--max-upload", "2MiB"});
    CHECK(options.peer.port == 9001);
    CHECK(options.peer.max_upload == 2 * 1024 * 1024);
    CHECK(options.json);
    // The resident's port is not for those beside it.
    CHECK(parsed({"--config", file.path(), "list"}).peer.port == 0);
    CHECK(parsed({"--config", file.path(), "list", "--port", "7"}).peer.port == 7);
}

TEST_CASE("cli options: a bad config file is named with its fault") {
    struct Row {
        std::string text, part;
    };
    for (const Row& row :
         {Row{"prot = 1\n", "did you mean '--port'?"}, Row{"port = 70000\n", "0 to 65535"},
          Row{"json = perhaps\n", "true or"}, Row{"what is this\n", "name = value"},
          Row{"config = other\n", "unknown option"}}) {
        const ConfigFile file(row.text);
        const std::string message = refused({"--config", file.path()});
        INFO(message);
        CHECK(contains(message, file.path()));
        CHECK(contains(message, row.part));
    }
}

TEST_CASE("cli options: help and version win over what is missing") {
    CHECK(parsed({"get", "--help"}).help);
    CHECK(parsed({"-h"}).help);
    CHECK(parsed({"-V"}).version);
}

TEST_CASE("cli options: every command's help names all that it takes, within 100 columns") {
    for (const CommandRow& command : command_table()) {
        const std::string text = help_text(command.command);
        for (const OptionRow& option : option_table()) {
            const bool listed = contains(text, std::string("--") + option.name + " ");
            if (command.command != Command::help) {
                INFO(command.name << " --" << option.name);
                CHECK(listed == takes(option, command.command));
            }
        }
        std::size_t start = 0;
        for (std::size_t end = 0; (end = text.find('\n', start)) != std::string::npos;) {
            INFO(text.substr(start, end - start));
            CHECK(end - start <= 100);
            start = end + 1;
        }
    }
}

TEST_CASE("cli nearest: swaps and slips are near, other words are not") {
    CHECK(edit_distance("port", "prot") == 1);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(nearest("shaerd", {"hosts", "shared"}) == "shared");
    CHECK_FALSE(nearest("banana", {"hosts", "shared"}));
    CHECK_FALSE(nearest(std::string(100000, 'x'), {"hosts"}));
}

TEST_CASE("cli options: what does nothing as it was given is an error") {
    const auto error_of = [](std::vector<std::string> words) {
        const auto options = parse_options(words);
        return options ? std::string() : options.error().message;
    };
    for (const char* option : {"ftp-users", "ftp-passive-ports", "ftp-threads", "ftp-anonymous",
                               "ftp-clients-per-thread", "ftp-clients-per-address", "ftp-advertise",
                               "ftp-idle", "json-threads", "json-allow", "cache-size"}) {
        const std::string name(option);
        const std::string value = name == "ftp-passive-ports" ? "50000-50099"
                                  : name == "ftp-anonymous"   ? "off"
                                  : name == "ftp-advertise"   ? "192.0.2.1"
                                  : name == "json-allow"      ? ".md"
                                                              : "3";
        const bool json = name.starts_with("json-");
        CAPTURE(name);
        CHECK(error_of({"serve", "--" + name, value})
                  .starts_with("option '--" + name + "' does nothing without --"));
        CHECK(error_of({"serve", "--" + name, value, json ? "--json-port" : "--ftp-port", "2121"})
                  .empty());
    }
    CHECK(error_of({"--json-write"}) == "option '--json-write' does nothing without --json-port");
    CHECK(error_of({"--cache-size", "1GiB"}) ==
          "option '--cache-size' does nothing without --ftp-port or --json-port");
    CHECK(error_of({"--cache-size", "1GiB", "--json-port", "1"}).empty());
    CHECK(error_of({"get", "--explain", "--plan", "f"})
              .starts_with("option '--explain' does nothing beside --plan"));
    CHECK(error_of({"get", "--rename", "--plan", "f"})
              .starts_with("option '--rename' does nothing beside --plan"));
    CHECK(error_of({"search", "--ttl", "3", "--local", "f"})
              .starts_with("option '--ttl' does nothing beside --local"));
    CHECK(error_of({"get", "--explain", "f"}).empty());
}
