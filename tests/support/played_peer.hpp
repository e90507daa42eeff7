// PlayedPeer and Stdio: a peer that follows a script and pipes for a person, to drive front ends.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::test {

using peer::Event;
using peer::Outcome;

// Records what is asked, answers from a script.
class PlayedPeer : public peer::PeerApi {
  public:
    std::vector<peer::FetchOrder> fetches;
    std::vector<FetchId> cancelled;
    std::vector<peer::SearchOrder> searched;
    peer::SearchResults results;  // of each search
    std::optional<std::uint64_t> upload;
    std::size_t served{0};  // hosts that fetch from here
    // What a fetch brings; by default it is done at once.
    std::function<std::vector<Event>(FetchId, const peer::FetchOrder&)> on_fetch =
        [](FetchId id, const peer::FetchOrder& order) {
            return std::vector<Event>{ended(id, order.name, Outcome::done)};
        };
    std::deque<Event> events;

    static Event ended(FetchId id, const std::string& name, Outcome outcome) {
        peer::FetchDone done;
        done.fetch = id;
        done.name = name;
        done.outcome = outcome;
        done.saved_as = "downloads/" + name;
        return done;
    }
    FetchId fetch(peer::FetchOrder order, peer::EventSink&) override {
        const FetchId id{fetches.size() + 1};
        fetches.push_back(order);
        for (Event& event : on_fetch(id, order)) {
            events.push_back(std::move(event));
        }
        return id;
    }
    void cancel(FetchId id) override {
        cancelled.push_back(id);
        events.push_back(ended(id, fetches[id.value - 1].name, Outcome::cancelled));
    }
    std::uint64_t list(std::string prefix, std::size_t, unsigned, Duration,
                       peer::EventSink&) override {
        peer::FileList list;
        list.order = 99;
        list.prefix = std::move(prefix);
        list.hosts = 2;
        list.rows.push_back({"file.txt", 3, std::string(64, 'a'), 2, 0, 1, false});
        events.emplace_back(list);
        return 99;
    }
    std::uint64_t search(peer::SearchOrder order, peer::EventSink&) override {
        searched.push_back(order);
        results.order = 50 + searched.size();
        events.emplace_back(results);
        return results.order;
    }
    void cancel_search(std::uint64_t) override {}
    std::uint64_t peers(peer::EventSink&) override {
        events.emplace_back(peer::PeerList{7, {}});
        return 7;
    }
    std::uint64_t status(peer::EventSink&) override {
        events.emplace_back(peer::StatusReport{8, {{"port", "8080"}}});
        return 8;
    }
    std::size_t served_now() override { return served; }
    void set_limits(std::optional<std::uint64_t> up, std::optional<std::uint64_t>) override {
        upload = up;
    }
    void forget_sink(peer::EventSink&) override {}
};

// The process's stdin, stdout and stderr are pipes while it lives.
class Stdio {
  public:
    explicit Stdio(const std::string& input) {
        const Fd in = swap_in(0, false);
        fill_.reset(in.get() >= 0 ? ::dup(in.get()) : -1);
        REQUIRE(::write(fill_.get(), input.data(), input.size()) ==
                static_cast<ssize_t>(input.size()));
        out_ = swap_in(1, true);
        err_ = swap_in(2, true);
    }
    ~Stdio() { restore(); }
    void end_input() { fill_.reset(); }
    void close_reader() { out_.reset(); }
    std::string out() { return drain(out_.get()); }
    std::string err() { return drain(err_.get()); }
    void restore() {
        for (int fd = 0; fd < 3; ++fd) {
            if (saved_[static_cast<std::size_t>(fd)]) {
                ::dup2(saved_[static_cast<std::size_t>(fd)].get(), fd);
                saved_[static_cast<std::size_t>(fd)].reset();
            }
        }
    }

  private:
    // Puts a pipe at `fd`; returns our end.
    Fd swap_in(int fd, bool write_end) {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        ::fcntl(ends[0], F_SETPIPE_SZ, 1024 * 1024);
        saved_[static_cast<std::size_t>(fd)].reset(::dup(fd));
        ::dup2(ends[write_end ? 1 : 0], fd);
        ::close(ends[write_end ? 1 : 0]);
        return Fd(ends[write_end ? 0 : 1]);
    }
    static std::string drain(int fd) {
        std::string text;
        std::array<char, 65536> bytes;
        pollfd ready{fd, POLLIN, 0};
        while (fd >= 0 && ::poll(&ready, 1, 0) == 1) {
            const ssize_t got = ::read(fd, bytes.data(), bytes.size());
            if (got <= 0) {
                break;
            }
            text.append(bytes.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

    std::array<Fd, 3> saved_;
    Fd fill_, out_, err_;
};

}  // namespace shoal::test
