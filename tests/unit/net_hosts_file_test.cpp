#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "shoal/base/limits.hpp"
#include "shoal/base/log.hpp"
#include "shoal/net/hosts_file.hpp"

using namespace shoal;
using net::HostName;
using net::HostsFile;
using net::HostsText;
using Hosts = std::vector<HostName>;
using Strings = std::vector<std::string>;

namespace {

HostsText parse(std::string_view text) { return net::parse_hosts(text, "hosts.txt", 8080); }

class TemporaryFolder {
  public:
    TemporaryFolder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

  private:
    std::string path_{std::filesystem::temp_directory_path() / "shoal-hosts-XXXXXX"};
};

void write_file(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// As if the file had been written a while ago, `age_seconds` before now.
void set_age(const std::string& path, long age_seconds) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= age_seconds;
    const timespec times[2] = {now, now};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

}  // namespace

TEST_CASE("hosts stand on lines or side by side, with comments", "[net]") {
    const auto text = parse(
        "# known hosts\n"
        "127.0.0.2 127.0.0.3:8081\t[::1]:9000 # mine: foo:0\n"
        "\r\n"
        "  ::2\r\n"
        "example.org#close\n"
        "last:1");
    CHECK(text.hosts == Hosts{{"127.0.0.2", 8080},
                              {"127.0.0.3", 8081},
                              {"::1", 9000},
                              {"::2", 8080},
                              {"example.org", 8080},
                              {"last", 1}});
    CHECK(text.warnings.empty());
    CHECK(parse("").hosts.empty());
    CHECK(parse("\xEF\xBB\xBFhost").hosts == Hosts{{"host", 8080}});
}

TEST_CASE("a host counts once, however it is written", "[net]") {
    const auto text = parse("::1 [::1]:8080 0:0::1\nExample.org example.org:8080 example.org:81");
    CHECK(text.hosts == Hosts{{"::1", 8080}, {"example.org", 8080}, {"example.org", 81}});
    CHECK(text.warnings.empty());
}

TEST_CASE("a bad word is a warning and the rest of the line is used", "[net]") {
    const auto text = parse("a\n\n# x\nb foo:99999 c\n");
    CHECK(text.hosts == Hosts{{"a", 8080}, {"b", 8080}, {"c", 8080}});
    CHECK(text.warnings ==
          Strings{"hosts.txt:4: 'foo:99999' is not a host: port must be 1..65535"});
}

TEST_CASE("garbage is bounded and escaped", "[net]") {
    using namespace std::string_literals;
    const auto text = parse("\0\x1b[31m ok \xff\n"s);
    CHECK(text.hosts == Hosts{{"ok", 8080}});
    REQUIRE(text.warnings.size() == 2);
    CHECK(text.warnings[0].starts_with("hosts.txt:1: '\\x00\\x1B[31m' is not a host"));
    CHECK(text.warnings[1].starts_with("hosts.txt:1: '\\xFF' is not a host"));

    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += "bad:0\n";
    }
    const auto flood = parse(many);
    REQUIRE(flood.warnings.size() == 21);
    CHECK(flood.warnings.back() == "hosts.txt: and 80 more such warnings");
}

TEST_CASE("long lines are skipped, too many hosts are cut", "[net]") {
    const std::string limit = "first" + std::string(4091, ' ');
    CHECK(parse(limit + "\nnext").hosts.size() == 2);
    const auto text = parse(limit + " \nnext");
    CHECK(text.hosts == Hosts{{"next", 8080}});
    CHECK(text.warnings ==
          Strings{"hosts.txt:1: the line is longer than 4096 bytes; it is skipped"});

    std::string many;
    for (std::uint32_t i = 0; i < limits::hosts_max + 10; ++i) {
        many += "h" + std::to_string(i) + "\n";
    }
    const auto cut = parse(many);
    CHECK(cut.hosts.size() == limits::hosts_max);
    CHECK(cut.warnings == Strings{"hosts.txt:4097: more than 4096 hosts; the rest of the file is "
                                  "not used"});
}

TEST_CASE("a missing hosts file is an error that says how to make one", "[net]") {
    const TemporaryFolder folder;
    HostsFile hosts(folder.file("hosts.txt"), 8080);
    const auto read = hosts.refresh();
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().kind == ErrorKind::not_found);
    CHECK(read.error().message.find("No such file or directory; create it") != std::string::npos);
}

TEST_CASE("what is no file is refused without hanging, what is too large too", "[net]") {
    const TemporaryFolder folder;
    REQUIRE(::mkfifo(folder.file("fifo").c_str(), 0600) == 0);
    CHECK_FALSE(HostsFile(folder.file("fifo"), 1).refresh().ok());
    CHECK_FALSE(HostsFile(folder.file("."), 1).refresh().ok());
    CHECK(HostsFile("/dev/null", 1).refresh().value());
    CHECK_FALSE(HostsFile("/dev/zero", 1).refresh().ok());
    write_file(folder.file("large"), std::string(4 * limits::MiB, '\n'));
    CHECK(HostsFile(folder.file("large"), 1).refresh().ok());
    write_file(folder.file("large"), std::string(4 * limits::MiB + 1, '\n'));
    CHECK_FALSE(HostsFile(folder.file("large"), 1).refresh().ok());
}

TEST_CASE("an edit is seen, and nothing else is", "[net]") {
    const TemporaryFolder folder;
    const std::string path = folder.file("hosts.txt");
    write_file(path, "a\n");
    set_age(path, 100);
    HostsFile hosts(path, 8080);
    CHECK(hosts.refresh().value());
    CHECK_FALSE(hosts.refresh().value());

    write_file(path, "b\n");  // the same size and inode
    set_age(path, 50);
    CHECK(hosts.refresh().value());
    CHECK(hosts.text().hosts == Hosts{{"b", 8080}});

    set_age(path, 20);  // touched, but the same content
    CHECK_FALSE(hosts.refresh().value());
}

TEST_CASE("two edits within one tick of the file system's clock are both seen", "[net]") {
    const TemporaryFolder folder;
    const std::string path = folder.file("hosts.txt");
    HostsFile hosts(path, 8080);
    write_file(path, "a\n");
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(hosts.refresh().value());
    write_file(path, "b\n");
    const timespec same[2] = {info.st_mtim, info.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), same, 0) == 0);
    CHECK(hosts.refresh().value());
    CHECK(hosts.text().hosts == Hosts{{"b", 8080}});
}

TEST_CASE("a hosts file that vanishes later keeps its hosts and warns once", "[net]") {
    const TemporaryFolder folder;
    const std::string path = folder.file("hosts.txt");
    write_file(path, "a b\n");
    HostsFile hosts(path, 8080);
    CHECK(hosts.refresh().value());
    std::filesystem::remove(path);
    Strings lines;
    log::set_sink([&lines](log::Level, std::string_view line) { lines.emplace_back(line); });
    CHECK_FALSE(hosts.refresh().value());
    CHECK_FALSE(hosts.refresh().value());
    log::set_sink(nullptr);
    CHECK(hosts.text().hosts.size() == 2);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].ends_with("; the 2 known hosts stay in use"));
    write_file(path, "c\n");
    CHECK(hosts.refresh().value());
    CHECK(hosts.text().hosts == Hosts{{"c", 8080}});
}
