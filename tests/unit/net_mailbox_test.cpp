#include <poll.h>

#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "shoal/net/mailbox.hpp"

using namespace shoal;

namespace {

bool is_readable(int fd, int timeout_ms = 0) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

struct Note {
    int sender;
    int number;
};

}  // namespace

TEST_CASE("a wake stays pending until it is drained, and wakes coalesce", "[net]") {
    const net::WakeUp wake_up;
    CHECK_FALSE(is_readable(wake_up.fd()));
    wake_up.drain();  // nothing pending: must not block
    wake_up.wake();
    wake_up.wake();
    CHECK(is_readable(wake_up.fd()));
    wake_up.drain();
    CHECK_FALSE(is_readable(wake_up.fd()));
}

TEST_CASE("take returns what was posted, in order, and clears the wake", "[net]") {
    net::Mailbox<std::unique_ptr<int>> mailbox;
    CHECK(mailbox.take().empty());
    mailbox.post(std::make_unique<int>(1));
    mailbox.post(std::make_unique<int>(2));
    CHECK(is_readable(mailbox.fd()));
    const auto messages = mailbox.take();
    REQUIRE(messages.size() == 2);
    CHECK(*messages[0] == 1);
    CHECK(*messages[1] == 2);
    CHECK_FALSE(is_readable(mailbox.fd()));
    mailbox.post(std::make_unique<int>(3));
    CHECK(is_readable(mailbox.fd()));
}

TEST_CASE("no message is lost or reordered between threads, and no wake either", "[net]") {
    constexpr int each = 50'000;
    net::Mailbox<Note> mailbox;
    const auto send_all = [&mailbox](int sender) {
        for (int number = 0; number < each; ++number) {
            mailbox.post({sender, number});
        }
    };
    std::thread first(send_all, 0);
    std::thread second(send_all, 1);
    int next[2] = {0, 0};
    bool in_order = true;
    // Only a wake lets the owner look: were one lost, this would end by the timeout.
    while (next[0] + next[1] < 2 * each && is_readable(mailbox.fd(), 10'000)) {
        for (const Note& note : mailbox.take()) {
            in_order = in_order && note.number == next[note.sender]++;
        }
    }
    first.join();
    second.join();
    CHECK(in_order);
    CHECK(next[0] == each);
    CHECK(next[1] == each);
}
