// Errors, descriptors, random numbers, guarded data.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <set>
#include <thread>

#include "shoal/base/fd.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/result.hpp"
#include "shoal/base/wipe.hpp"

using namespace shoal;

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
Fd open_null() { return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

}  // namespace

TEST_CASE("a system error says what failed and why, and of what kind it is", "[base]") {
    const Error error = system_error("cannot open 'x'", ENOSPC);
    CHECK(error.message == "cannot open 'x': No space left on device");
    CHECK(error.kind == ErrorKind::no_space);
    CHECK(system_error("", ENOENT).kind == ErrorKind::not_found);
    CHECK(system_error("", EACCES).kind == ErrorKind::forbidden);
    CHECK(system_error("", EXDEV).kind == ErrorKind::forbidden);
    CHECK(system_error("", EEXIST).kind == ErrorKind::exists);
    CHECK(system_error("", EADDRINUSE).kind == ErrorKind::busy);
    CHECK(system_error("", ECONNRESET).kind == ErrorKind::closed);
    CHECK(system_error("", EIO).kind == ErrorKind::system);
}

TEST_CASE("Fd closes what it owns, once, and leaves errno alone", "[base]") {
    int raw = -1;
    {
        Fd first = open_null();
        raw = first.get();
        Fd second = std::move(first);
        CHECK_FALSE(first);
        CHECK(second.get() == raw);
        Fd third = open_null();
        const int replaced = third.get();
        third = std::move(second);
        CHECK_FALSE(is_open(replaced));
        CHECK(is_open(raw));
    }
    CHECK_FALSE(is_open(raw));
    errno = ENOSPC;
    Fd(1 << 20).reset();  // not open: close() fails
    CHECK(errno == ENOSPC);
    CHECK(close_checked(open_null()) == 0);
    CHECK(close_checked(Fd(1 << 20)) == EBADF);
}

TEST_CASE("move_above_select makes room below FD_SETSIZE", "[base]") {
    CHECK(raise_descriptor_limit() > limits::select_fd_end);
    Fd low = open_null();
    const int before = low.get();
    REQUIRE(before < limits::select_fd_end);
    const Fd high = move_above_select(std::move(low));
    CHECK(high.get() >= limits::select_fd_end);
    CHECK_FALSE(is_open(before));
    CHECK((::fcntl(high.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("move_above_select keeps the descriptor when the limit leaves no room", "[base]") {
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
    const rlimit tight{limits::select_fd_end, old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    Fd low = open_null();
    const int before = low.get();
    const Fd same = move_above_select(std::move(low));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
    CHECK(same.get() == before);
    CHECK(is_open(before));
}

TEST_CASE("the kernel's randomness fills all of a buffer and does not repeat", "[base]") {
    std::array<std::uint8_t, 1000> bytes{};
    random_bytes(bytes);
    const std::set<std::uint8_t> tail(bytes.end() - 200, bytes.end());
    CHECK(tail.size() > 50);
    CHECK(random_seed() != random_seed());
}

TEST_CASE("SmallRandom replays from its seed and stays in bounds", "[base]") {
    SmallRandom first(7);
    SmallRandom second(7);
    std::array<int, 10> seen{};
    for (int i = 0; i < 10000; ++i) {
        const auto value = first.below(10);
        REQUIRE(value == second.below(10));
        REQUIRE(value < 10);
        ++seen[value];
    }
    for (const int count : seen) {
        CHECK(count > 800);
        CHECK(count < 1200);
    }
    CHECK(first.below(0) == 0);
}

TEST_CASE("Guarded lets one thread at a time in", "[base]") {
    Guarded<int> count(0);
    const auto add = [&count] {
        for (int i = 0; i < 20000; ++i) {
            count.with([](int& value) { ++value; });
            ++*count.lock();
        }
    };
    std::thread other(add);
    add();
    other.join();
    CHECK(*count.lock() == 80000);
}

TEST_CASE("a process with secrets leaves no core and lets nobody look into it", "[base]") {
    const pid_t child = ::fork();
    if (child == 0) {
        leave_no_core();
        rlimit core{};
        const bool none = ::getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0;
        ::_exit(none && ::prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("what is wiped is gone, also where a short text lies", "[base]") {
    std::string text = "swordfish";
    const char* const bytes = text.data();
    wipe(text);
    CHECK(text.empty());
    CHECK(std::string_view(bytes, 9) == std::string_view("\0\0\0\0\0\0\0\0\0", 9));
    SecretText secret("swordfish");
    const SecretText moved = std::move(secret);
    CHECK(moved.view() == "swordfish");
}
