// The front ends against a peer that is played, with pipes for a person.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../support/front_run.hpp"
#include "cli/output.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/cli/commands.hpp"

using namespace shoal;
using namespace shoal::cli;
using peer::Event;
using peer::Outcome;
using test::Ended;
using test::PlayedPeer;
using test::run_front;
using test::Stdio;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A fetch that has begun and does not end by itself.
std::vector<Event> begun(FetchId id, const peer::FetchOrder& order) {
    peer::FetchProgress progress;
    progress.fetch = id;
    progress.name = order.name;
    progress.done = 43;
    progress.size = 100;
    return {progress};
}

}  // namespace

TEST_CASE("cli get: all are started, closing lines on stdout, the worst code") {
    PlayedPeer played;
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        return std::vector<Event>{PlayedPeer::ended(id, order.name,
                                                    order.name == "b"   ? Outcome::disk_full
                                                    : order.name == "c" ? Outcome::not_found
                                                                        : Outcome::done)};
    };
    const Ended ended = run_front({"get", "a", "b", "c"}, played);
    CHECK(ended.code == 9);
    CHECK(ended.out.starts_with("a  0 B"));
    CHECK(contains(ended.err, "No server has 'c'"));
    REQUIRE(played.fetches.size() == 3);
    CHECK_FALSE(played.fetches[0].wait_for_holders);
    CHECK(played.fetches[0].on_clash == peer::FetchOrder::OnClash::refuse);
}

TEST_CASE("cli get: at most 64 run at once, none is forgotten") {
    PlayedPeer played;
    std::vector<std::string> words{"get"};
    for (int i = 0; i < 200; ++i) {
        words.push_back("n" + std::to_string(i));
    }
    std::size_t most = 0;
    played.on_fetch = [&](FetchId id, const peer::FetchOrder& order) {
        most = std::max(most, played.events.size() + 1);
        return std::vector<Event>{PlayedPeer::ended(id, order.name, Outcome::done)};
    };
    CHECK(run_front(words, played).code == 0);
    CHECK(played.fetches.size() == 200);
    CHECK(most == 64);
}

TEST_CASE("cli get: NAME@ROOT is split, and tried whole when not found") {
    PlayedPeer played;
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        const bool whole = order.root_prefix.empty();
        return std::vector<Event>{
            PlayedPeer::ended(id, order.name, whole ? Outcome::done : Outcome::not_found)};
    };
    const Ended ended = run_front({"get", "x@deadbeef"}, played);
    CHECK(ended.code == 0);
    REQUIRE(played.fetches.size() == 2);
    CHECK(played.fetches[0].name == "x");
    CHECK(played.fetches[0].root_prefix == "deadbeef");
    CHECK(played.fetches[1].name == "x@deadbeef");
    CHECK_FALSE(contains(ended.err, "No server"));
}

TEST_CASE("cli get: a signal stops it, says what is kept, and is the code") {
    for (const int signal : {SIGINT, SIGTERM}) {
        PlayedPeer played;
        played.on_fetch = begun;
        const Ended ended =
            run_front({"get", "a"}, played, "", [signal](int turn, peer::FrontEnd& front, Stdio&) {
                if (turn == 3) {
                    front.handle_signal(signal, steady_now());
                }
            });
        CHECK(ended.code == 128 + signal);
        CHECK(contains(ended.err, "interrupted; 43 % is kept in downloads; the same command"));
        CHECK(played.cancelled.size() == 1);
    }
}

TEST_CASE("cli get: --stay serves on until a signal, and that is no failure") {
    PlayedPeer played;
    int turns = 0;
    const Ended ended =
        run_front({"get", "--stay", "a"}, played, "", [&](int turn, peer::FrontEnd& front, Stdio&) {
            turns = turn;
            if (turn == 50) {
                front.handle_signal(SIGTERM, steady_now());
            }
        });
    CHECK(turns == 50);
    CHECK(ended.code == 0);
}

TEST_CASE("cli get: --json speaks objects only") {
    PlayedPeer played;
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        auto events = begun(id, order);
        events.push_back(PlayedPeer::ended(id, order.name, Outcome::done));
        return events;
    };
    const Ended ended = run_front({"get", "--json", "a"}, played);
    CHECK(contains(ended.out, "{\"event\":\"fetch_progress\""));
    CHECK(contains(ended.out, "{\"event\":\"fetch_done\""));
    CHECK(ended.err.empty());
}

TEST_CASE("cli get: --progress always says lines where there is no terminal") {
    PlayedPeer played;
    played.on_fetch = begun;
    const auto stop = [](int turn, peer::FrontEnd& front, Stdio&) {
        if (turn == 20) {
            front.handle_signal(SIGINT, steady_now());
        }
    };
    CHECK(
        contains(run_front({"get", "--progress", "always", "a"}, played, "", stop).err, "a  43 %"));
    PlayedPeer quiet;
    quiet.on_fetch = begun;
    CHECK_FALSE(contains(run_front({"get", "a"}, quiet, "", stop).err, "a  43 %"));
}

TEST_CASE("cli get: a reader that is gone ends it with 1") {
    PlayedPeer played;
    const Ended ended = run_front({"get", "a", "--stay"}, played, "",
                                  [](int, peer::FrontEnd&, Stdio& stdio) { stdio.close_reader(); });
    CHECK(ended.code == 1);
    CHECK(ended.err.find("cannot write") == std::string::npos);
}

TEST_CASE("cli list: a table, a summary beside it, the code of a problem") {
    PlayedPeer played;
    const Ended ended = run_front({"list"}, played);
    CHECK(ended.code == 0);
    CHECK(contains(ended.out, "file.txt"));
    CHECK(ended.err == "1 file; 2 hosts answered\n");
}

TEST_CASE("cli serve: ends well by a signal") {
    PlayedPeer played;
    const Ended ended =
        run_front({"serve"}, played, "", [](int turn, peer::FrontEnd& front, Stdio&) {
            if (turn == 5) {
                front.handle_signal(SIGTERM, steady_now());
            }
        });
    CHECK(ended.code == 0);
}

TEST_CASE("cli prompt on a pipe: does all that was asked before it ends") {
    PlayedPeer played;
    const Ended ended = run_front(
        {}, played, "f1\nmy file\nget -- list\nlist\npeers\nstatus\nlimit up 1MiB\nquit\nnever\n");
    CHECK(ended.code == 0);
    REQUIRE(played.fetches.size() == 3);
    CHECK(played.fetches[1].name == "my file");
    CHECK(played.fetches[2].name == "list");
    CHECK_FALSE(played.fetches[0].wait_for_holders);
    CHECK(played.fetches[0].on_clash == peer::FetchOrder::OnClash::rename);
    CHECK(played.upload == 1024 * 1024);
    for (const char* part : {"f1  0 B", "my file  0 B", "file.txt", "8080", "limits: up 1 MiB/s"}) {
        CHECK(contains(ended.out, part));
    }
}

TEST_CASE("cli prompt on a pipe: the end of input is a quit, the code the worst") {
    PlayedPeer played;
    played.on_fetch = [](FetchId id, const peer::FetchOrder& order) {
        return std::vector<Event>{PlayedPeer::ended(
            id, order.name, order.name == "bad" ? Outcome::not_found : Outcome::done)};
    };
    CHECK(run_front({}, played, "bad\ngood").code == 3);
    PlayedPeer usage;
    const Ended wrong = run_front({}, usage, "limit fast\n");
    CHECK(wrong.code == 2);
    CHECK(contains(wrong.err, "limit up RATE"));
    PlayedPeer nothing;
    CHECK(run_front({}, nothing, "").code == 0);
}

TEST_CASE("cli prompt on a pipe: a megabyte without a line end is refused, what follows is done") {
    PlayedPeer played;
    const Ended ended = run_front({}, played, std::string(900'000, 'x') + "\nf1\n");
    CHECK(ended.code == 2);
    CHECK(contains(ended.err, "more than 64 KiB"));
    REQUIRE(played.fetches.size() == 1);
    CHECK(played.fetches[0].name == "f1");
}

TEST_CASE("cli prompt on a pipe: cancel and a signal keep what is here") {
    PlayedPeer played;
    played.on_fetch = begun;
    const Ended ended = run_front({}, played, "a\nb\ncancel b\ncancel 7\ncancel\nquit\n");
    CHECK(ended.code == 130);
    CHECK(played.cancelled.front() == FetchId{2});
    CHECK(contains(ended.err, "no download is called '7'"));
    PlayedPeer killed;
    killed.on_fetch = begun;
    const Ended gone = run_front({}, killed, "a\n", [](int turn, peer::FrontEnd& front, Stdio&) {
        if (turn == 9) {
            front.handle_signal(SIGTERM, steady_now());
        }
    });
    CHECK(gone.code == 143);
    CHECK(killed.cancelled.size() == 1);
}

TEST_CASE("cli log: lines of other threads come out, also the last ones") {
    PlayedPeer played;
    const Ended ended = run_front({}, played, "a\n", [](int turn, peer::FrontEnd&, Stdio& stdio) {
        if (turn == 0) {
            log::warning("from elsewhere");
            stdio.end_input();
        }
        log::warning("turn " + std::to_string(turn));
    });
    CHECK(contains(ended.err, "shoal: warning: from elsewhere\n"));
    CHECK(contains(ended.err, "shoal: warning: turn 1\n"));
}

TEST_CASE("cli output: a pipe that nobody reads holds up nobody, and loses nothing") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const Fd reader(ends[0]);
    const Fd writer(ends[1]);
    Output output(writer.get(), writer.get());
    const std::string line = std::string(999, 'x') + "\n";
    for (int i = 0; i < 1000; ++i) {
        output.out(line);  // a million bytes into a pipe of 64 KiB
    }
    CHECK(output.backlog() > 800'000);
    CHECK(output.waiting_fd() == writer.get());
    std::size_t total = 0;
    std::array<char, 65536> bytes;
    while (total < 1'000'000) {
        const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
        REQUIRE(got > 0);
        total += static_cast<std::size_t>(got);
        output.write_ready();
    }
    CHECK(output.backlog() == 0);
    CHECK(output.failure() == 0);
}
