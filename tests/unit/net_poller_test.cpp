// Every back end of Poller must pass the same tests.
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/net/epoll_poller.hpp"
#include "shoal/net/poller.hpp"

using namespace shoal;
using net::EpollPoller;
using net::Ready;
using net::SelectPoller;

namespace {

struct Pipe {
    Fd reader;
    Fd writer;

    Pipe() {
        int ends[2] = {-1, -1};
        REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    void put() const { REQUIRE(::write(writer.get(), "x", 1) == 1); }
    void get() const {
        char byte = 0;
        REQUIRE(::read(reader.get(), &byte, 1) == 1);
    }
};

// All but the eighth have said nothing for long.
struct Silence {
    SelectPoller poller;
    std::array<Pipe, 200> pipes;

    Silence() {
        for (const Pipe& pipe : pipes) {
            REQUIRE(poller.watch(pipe.reader.get(), true, false));
        }
        pipes[7].put();
        for (int turn = 0; turn < 256; ++turn) {
            REQUIRE(poller.wait(10s).size() == 1);
        }
    }
};

}  // namespace

TEMPLATE_TEST_CASE("a poller reports what is ready, and only what was asked for", "[net]",
                   SelectPoller, EpollPoller) {
    TestType poller;
    const Pipe pipe;
    const int reader = pipe.reader.get();
    const int writer = pipe.writer.get();
    REQUIRE(poller.watch(reader, true, false));
    CHECK(poller.wait(0s).empty());
    pipe.put();
    {
        const auto& ready = poller.wait(std::nullopt);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].fd == reader);
        CHECK(ready[0].readable);
        CHECK_FALSE(ready[0].writable);
    }
    REQUIRE(poller.watch(writer, false, true));
    CHECK(poller.wait(10s).size() == 2);
    REQUIRE(poller.watch(reader, false, false));  // asks for nothing: forgotten
    {
        const auto& ready = poller.wait(10s);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].fd == writer);
        CHECK(ready[0].writable);
        CHECK_FALSE(ready[0].readable);
    }
    REQUIRE(poller.watch(writer, true, false));  // a change replaces what was asked before
    CHECK(poller.wait(0s).empty());
    poller.forget(writer);
    poller.forget(writer);
    CHECK(poller.wait(0s).empty());
}

TEMPLATE_TEST_CASE("a closed writer makes the reader ready", "[net]", SelectPoller, EpollPoller) {
    TestType poller;
    Pipe pipe;
    REQUIRE(poller.watch(pipe.reader.get(), true, false));
    pipe.writer.reset();
    REQUIRE(poller.wait(10s).size() == 1);
}

TEMPLATE_TEST_CASE("a wait lasts no less than its timeout", "[net]", SelectPoller, EpollPoller) {
    TestType poller;
    const Pipe pipe;
    REQUIRE(poller.watch(pipe.reader.get(), true, false));
    for (const Duration timeout : {Duration{-5s}, Duration{0}, Duration{100us}, Duration{3ms}}) {
        const TimePoint start = steady_now();
        CHECK(poller.wait(timeout).empty());
        CHECK(steady_now() - start >= timeout);
    }
}

TEMPLATE_TEST_CASE("whoever works the list off in order prefers nobody", "[net]", SelectPoller,
                   EpollPoller) {
    TestType poller;
    const std::array<Pipe, 5> pipes;
    for (const Pipe& pipe : pipes) {
        REQUIRE(poller.watch(pipe.reader.get(), true, false));
        pipe.put();
    }
    std::map<int, int> first_places;
    for (int turn = 0; turn < 50; ++turn) {
        const auto& ready = poller.wait(10s);
        REQUIRE(ready.size() == pipes.size());
        ++first_places[ready.front().fd];
    }
    REQUIRE(first_places.size() == pipes.size());
    for (const auto& [fd, count] : first_places) {
        CHECK(count == 10);
    }
    pipes[2].get();
    CHECK(poller.wait(10s).size() == 4);
}

TEMPLATE_TEST_CASE("a signal ends the wait with an empty list", "[net]", SelectPoller,
                   EpollPoller) {
    struct sigaction action {};
    struct sigaction old {};
    action.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &action, &old) == 0);
    TestType poller;
    const Pipe pipe;
    pipe.put();
    std::atomic<bool> returned{false};
    bool was_empty = false;
    std::thread waiter([&] {
        was_empty = poller.wait(std::nullopt).empty();
        returned = true;
    });
    while (!returned) {  // the first signals may come before the wait has begun
        ::pthread_kill(waiter.native_handle(), SIGUSR1);
        std::this_thread::yield();
    }
    waiter.join();
    ::sigaction(SIGUSR1, &old, nullptr);
    CHECK(was_empty);
    REQUIRE(poller.watch(pipe.reader.get(), true, false));
    CHECK(poller.wait(10s).size() == 1);
}

TEST_CASE("select() looks away from the silent ones, and hears them when they talk", "[net]") {
    Silence silence;
    auto& [poller, pipes] = silence;
    CHECK(poller.silent() == pipes.size() - 1);

    SECTION("it goes on being watched") {
        REQUIRE(poller.watch(pipes[100].reader.get(), true, false));
        CHECK(poller.silent() == pipes.size() - 1);
        pipes[100].put();
        pipes[150].put();
        const auto& ready = poller.wait(10s);
        REQUIRE(ready.size() == 3);
        CHECK(poller.silent() == pipes.size() - 3);
        for (const Ready& one : ready) {
            CHECK(one.readable);
            CHECK_FALSE(one.writable);
        }
        CHECK(poller.wait(10s).size() == 3);
        pipes[100].get();
        CHECK(poller.wait(10s).size() == 2);
    }
    SECTION("all of them at once") {
        for (const Pipe& pipe : pipes) {
            pipe.put();
        }
        std::set<int> heard;
        for (int turn = 0; turn < 5; ++turn) {
            for (const Ready& one : poller.wait(10s)) {
                heard.insert(one.fd);
            }
        }
        CHECK(heard.size() == pipes.size());
        CHECK(poller.silent() == 0);
    }
    SECTION("with another interest it is looked at again") {
        REQUIRE(poller.watch(pipes[100].reader.get(), false, true));
        CHECK(poller.silent() == pipes.size() - 2);
        pipes[100].put();
        CHECK(poller.wait(10s).size() == 1);
    }
}

TEST_CASE("a silent descriptor that is forgotten says nothing, and its number may come again",
          "[net]") {
    Silence silence;
    auto& [poller, pipes] = silence;
    const int number = pipes[100].reader.get();
    poller.forget(number);
    pipes[100].put();
    CHECK(poller.wait(10s).size() == 1);
    pipes[100].reader.reset();
    const Pipe another;
    REQUIRE(another.reader.get() == number);
    REQUIRE(poller.watch(number, true, false));
    another.put();
    CHECK(poller.wait(10s).size() == 2);
}

TEST_CASE("a descriptor closed while watched is a loud fault", "[net]") {
    SelectPoller poller;
    Pipe pipe;
    REQUIRE(poller.watch(pipe.reader.get(), true, false));
    pipe.reader.reset();
    CHECK_THROWS_AS(poller.wait(0s), std::system_error);
}

TEST_CASE("a silent descriptor that was closed is a loud fault when it is forgotten", "[net]") {
    Silence silence;
    auto& [poller, pipes] = silence;
    const int number = pipes[100].reader.get();
    pipes[100].reader.reset();
    CHECK(poller.wait(10s).size() == 1);
    CHECK_THROWS_AS(poller.forget(number), std::system_error);
}

TEST_CASE("epoll's loud fault comes when the closed descriptor is forgotten", "[net]") {
    EpollPoller poller;
    Pipe pipe;
    const int number = pipe.reader.get();
    REQUIRE(poller.watch(number, true, false));
    pipe.reader.reset();
    CHECK(poller.wait(0s).empty());
    CHECK_THROWS_AS(poller.forget(number), std::system_error);
    CHECK_NOTHROW(poller.forget(number));
}

TEST_CASE("epoll watches descriptors above select()'s range, and its own is one", "[net]") {
    raise_descriptor_limit();
    EpollPoller poller;
    Pipe pipe;
    const Fd high = move_above_select(std::move(pipe.reader));
    REQUIRE(high.get() >= SelectPoller::fd_end());
    REQUIRE(poller.watch(high.get(), true, false));
    pipe.put();
    const auto& ready = poller.wait(10s);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].fd == high.get());
    CHECK_FALSE(poller.watch(-1, true, false).ok());
    poller.forget(high.get());
}

TEST_CASE("epoll says of a broken descriptor that what was asked is ready", "[net]") {
    EpollPoller poller;
    Pipe pipe;
    REQUIRE(poller.watch(pipe.writer.get(), false, true));
    pipe.reader.reset();
    const auto& ready = poller.wait(10s);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].writable);
    CHECK_FALSE(ready[0].readable);
}

TEST_CASE("select() is never given a descriptor outside its range", "[net]") {
    SelectPoller poller;
    Pipe pipe;
    raise_descriptor_limit();
    const Fd high = move_above_select(std::move(pipe.reader));
    REQUIRE(high.get() >= SelectPoller::fd_end());
    const Status refused = poller.watch(high.get(), true, false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().kind == ErrorKind::busy);
    CHECK(refused.error().message.find("below 1024") != std::string::npos);
    poller.forget(high.get());
    poller.forget(-1);
    CHECK(poller.watch(-1, true, false).error().kind == ErrorKind::bad_input);
    pipe.put();
    CHECK(poller.wait(0s).empty());

    const Fd top(::dup3(high.get(), SelectPoller::fd_end() - 1, O_CLOEXEC));
    REQUIRE(poller.watch(top.get(), true, false));
    CHECK(poller.wait(10s).size() == 1);
    poller.forget(top.get());
}

TEST_CASE("epoll by edges tells each piece of news once", "[net]") {
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    const Fd mine(ends[0]);
    const Fd theirs(ends[1]);
    EpollPoller poller;
    REQUIRE(poller.watch(mine.get(), true, false).ok());
    REQUIRE(poller.watch_edges(mine.get()).ok());
    REQUIRE(poller.wait(1s).size() == 1);  // there is room to write
    CHECK(poller.wait(0s).empty());
    for (int i = 0; i < 2; ++i) {
        REQUIRE(::write(theirs.get(), "x", 1) == 1);
        const auto ready = poller.wait(1s);
        REQUIRE(ready.size() == 1);
        CHECK(ready.front().readable);
        CHECK(poller.wait(0s).empty());  // though nobody has read it
    }
    REQUIRE(::shutdown(theirs.get(), SHUT_WR) == 0);
    CHECK(poller.wait(1s).size() == 1);
    poller.forget(mine.get());
}

TEST_CASE("select() tells of what is exceptional, and of nothing else", "[net]") {
    const Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening.get(), raw, size) == 0);
    REQUIRE(::listen(listening.get(), 1) == 0);
    REQUIRE(::getsockname(listening.get(), raw, &size) == 0);
    const Fd theirs(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(theirs.get(), raw, size) == 0);
    const Fd mine(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    SelectPoller poller;
    REQUIRE(poller.watch_exceptions(mine.get()).ok());
    REQUIRE(::send(theirs.get(), "x", 1, 0) == 1);
    CHECK(poller.wait(0s).empty());
    REQUIRE(::send(theirs.get(), "!", 1, MSG_OOB) == 1);
    const auto ready = poller.wait(10s);
    REQUIRE(ready.size() == 1);
    CHECK(ready.front().fd == mine.get());
    CHECK(ready.front().readable);
    poller.forget(mine.get());
    CHECK(poller.wait(0s).empty());
    CHECK_FALSE(poller.watch_exceptions(SelectPoller::fd_end()).ok());
    CHECK_FALSE(poller.watch_exceptions(-1).ok());
}
