// Opening beneath a root: nothing leaves it, nothing blocks.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "../support/temp_dir.hpp"
#include "shoal/store/root.hpp"
#include "store/open_beneath.hpp"

using shoal::ErrorKind;
using shoal::Fd;
using shoal::store::Root;
using shoal::store::SafePath;
using shoal::test::TempDir;

namespace {

SafePath safe(std::string_view name) { return SafePath::parse(name).value(); }

// Runs a test with openat2 and without.
struct Openat2 {
    explicit Openat2(bool on) { shoal::store::use_openat2(on); }
    ~Openat2() { shoal::store::use_openat2(true); }
};

std::string content(const Fd& fd) {
    char buffer[64];
    const ssize_t size = ::pread(fd.get(), buffer, sizeof buffer, 0);
    return {buffer, size > 0 ? static_cast<std::size_t>(size) : 0};
}

// Opens the same name again and again while another thread swaps the folder in it for a link
// that leads out. Returns how often the secret was seen.
std::size_t count_escapes(std::chrono::milliseconds span) {
    TempDir dir;
    dir.write("outside/file", "secret");
    dir.write("root/folder/file", "fine");
    const Root root = Root::open(dir / "root").value();
    std::filesystem::create_directory_symlink(dir / "outside", dir / "root/link");
    const int base = root.fd();
    std::atomic<bool> stop{false};
    std::thread swapper([&] {
        while (!stop) {
            ::renameat2(base, "folder", base, "link", RENAME_EXCHANGE);
        }
    });
    std::size_t escapes = 0, opened = 0, refused = 0;
    const auto end = std::chrono::steady_clock::now() + span;
    while (std::chrono::steady_clock::now() < end) {
        const auto fd = root.open_file(safe("folder/file"));
        fd.ok() ? ++opened : ++refused;
        escapes += fd.ok() && content(*fd) != "fine" ? 1 : 0;
        const auto folder = root.open_folder_of(safe("folder/new"), true);
        if (folder.ok()) {
            escapes += ::faccessat(folder->get(), "../file", F_OK, 0) == 0 ? 1 : 0;
            struct stat here {
            }, outside{};
            ::fstat(folder->get(), &here);
            ::stat((dir / "outside").c_str(), &outside);
            escapes += here.st_ino == outside.st_ino ? 1 : 0;
        }
    }
    stop = true;
    swapper.join();
    CAPTURE(opened, refused);
    CHECK(opened > 0);
    CHECK(refused > 0);  // else the race never took place
    return escapes;
}

}  // namespace

TEST_CASE("a root opens files and folders beneath it", "[store][root]") {
    const Openat2 mode(GENERATE(true, false));
    TempDir dir;
    dir.write("r/a/b/file", "text");
    const Root root = Root::open(dir / "r").value();
    shoal::store::Stamp stamp;
    const auto fd = root.open_file(safe("a/b/file"), &stamp);
    REQUIRE(fd.ok());
    CHECK(content(*fd) == "text");
    CHECK(stamp.size == 4);
    CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(root.open_folder("a/b").ok());
    CHECK(root.open_folder("").ok());
    CHECK(root.open_file(safe("a/none")).error().kind == ErrorKind::not_found);
    CHECK(root.open_file(safe("a/b/file/x")).error().kind == ErrorKind::not_found);
    CHECK(root.free_space().value() > 0);
}

TEST_CASE("a missing root is made, with its parents", "[store][root]") {
    TempDir dir;
    REQUIRE(Root::open(dir / "x/y/z").ok());
    CHECK(std::filesystem::is_directory(dir / "x/y/z"));
    dir.write("file", "");
    CHECK_FALSE(Root::open(dir / "file").ok());
    CHECK_FALSE(Root::open("").ok());
}

TEST_CASE("symbolic links are not followed", "[store][root]") {
    const Openat2 mode(GENERATE(true, false));
    TempDir dir;
    dir.write("outside/secret", "secret");
    dir.write("r/real/file", "fine");
    std::filesystem::create_symlink(dir / "outside/secret", dir / "r/abs");
    std::filesystem::create_symlink("../outside/secret", dir / "r/rel");
    std::filesystem::create_symlink("real/file", dir / "r/inner");
    std::filesystem::create_directory_symlink(dir / "outside", dir / "r/out");
    std::filesystem::create_directory_symlink("real", dir / "r/in");
    std::filesystem::create_symlink("/proc/self/root/etc/passwd", dir / "r/magic");
    const Root root = Root::open(dir / "r").value();
    for (const char* name : {"abs", "rel", "inner", "out/secret", "in/file", "magic"}) {
        CAPTURE(name);
        CHECK_FALSE(root.open_file(safe(name)).ok());
    }
    CHECK_FALSE(root.open_folder("out").ok());
    CHECK_FALSE(root.open_folder_of(safe("out/new/file"), true).ok());
    CHECK_FALSE(dir.has("outside/new"));
    CHECK(root.open_file(safe("real/file")).ok());
}

TEST_CASE("what is no regular file is refused at once", "[store][root]") {
    const Openat2 mode(GENERATE(true, false));
    TempDir dir;
    dir.write("r/folder/file", "");
    REQUIRE(::mkfifo((dir / "r/fifo").c_str(), 0600) == 0);
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = dir / "r/socket";
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    std::vector<std::string> names{"fifo", "socket", "folder"};
    if (::mknod((dir / "r/device").c_str(), S_IFCHR | 0600, makedev(1, 5)) == 0) {
        names.emplace_back("device");
    }
    const Root root = Root::open(dir / "r").value();
    for (const std::string& name : names) {
        CAPTURE(name);
        const auto fd = root.open_file(safe(name));
        REQUIRE_FALSE(fd.ok());
        CHECK(fd.error().kind == ErrorKind::forbidden);
    }
}

TEST_CASE("folders of a path are made on demand", "[store][root]") {
    const Openat2 mode(GENERATE(true, false));
    TempDir dir;
    const Root root = Root::open(dir / "r").value();
    CHECK(root.open_folder_of(safe("a/b/c"), false).error().kind == ErrorKind::not_found);
    CHECK(root.open_folder_of(safe("a/b/c"), true).ok());
    CHECK(std::filesystem::is_directory(dir / "r/a/b"));
    CHECK_FALSE(dir.has("r/a/b/c"));
    dir.write("r/plain", "");
    CHECK_FALSE(root.open_folder_of(safe("plain/c"), true).ok());
}

TEST_CASE("a link swapped in meanwhile leads nowhere", "[store][root]") {
    const Openat2 mode(GENERATE(true, false));
    CHECK(count_escapes(std::chrono::milliseconds(500)) == 0);
}

TEST_CASE("a link swapped in for ten seconds leads nowhere", "[store][root][long][.]") {
    const Openat2 mode(GENERATE(true, false));
    CHECK(count_escapes(std::chrono::seconds(10)) == 0);
}

TEST_CASE("the process's own files are hidden, by place and by any other name") {
    TempDir dir;
    dir.write("r/secret", "s");
    dir.write("r/a/users", "u");
    dir.write("r/state/index", "i");
    dir.write("r/f", "f");
    std::filesystem::create_hard_link(dir / "r/secret", dir / "r/a/twin");
    std::filesystem::create_symlink(dir / "r/a/users", dir / "link");
    const Root root = Root::open(dir / "r", {dir / "r/secret", dir / "link", dir / "r/state",
                                             dir / "r/later/log", dir / "elsewhere", ""})
                          .value();
    for (const char* name : {"secret", "a/users", "state", "state/index", "later/log"}) {
        CHECK(root.hides(name));
    }
    for (const char* name : {"f", "a", "a/twin", "later", "states", "elsewhere"}) {
        CHECK_FALSE(root.hides(name));
    }
    CHECK(root.has_own_below("a"));
    CHECK(root.has_own_below("later"));
    CHECK_FALSE(root.has_own_below("f"));
    for (const char* name : {"secret", "a/users", "state/index", "a/twin"}) {
        const auto opened = root.open_file(safe(name));
        REQUIRE_FALSE(opened);
        CHECK(opened.error().kind == ErrorKind::forbidden);
    }
    CHECK(root.open_file(safe("f")).ok());
    // One that is replaced is still hidden, and so is what it is linked to then.
    dir.write("r/secret.new", "new");
    std::filesystem::rename(dir / "r/secret.new", dir / "r/secret");
    std::filesystem::create_hard_link(dir / "r/secret", dir / "r/third");
    CHECK_FALSE(root.open_file(safe("third")).ok());
    CHECK(root.open_file(safe("a/twin")).ok());
}
