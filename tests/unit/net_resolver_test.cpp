#include <poll.h>

#include <catch2/catch.hpp>

#include "../support/temp_dir.hpp"
#include "shoal/net/resolver.hpp"

namespace shoal::net {
namespace {

Address number(const char* text) { return *Address::parse_numeric(text, 0); }

// Until all is answered.
std::vector<Resolver::Answer> answers_of(Resolver& resolver) {
    std::vector<Resolver::Answer> all;
    while (!resolver.idle()) {
        pollfd ready{resolver.fd(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, 60'000) == 1);
        for (Resolver::Answer& answer : resolver.take()) {
            all.push_back(std::move(answer));
        }
    }
    return all;
}

TEST_CASE("resolver: answers survive being written down") {
    const NameAnswer good{"a.example", std::vector{number("10.0.0.1"), number("fe80::2")}};
    const auto read = decode_answer(encode_answer(good));
    REQUIRE(read);
    CHECK(read->host == "a.example");
    REQUIRE(read->addresses);
    CHECK(*read->addresses == *good.addresses);

    const auto absent =
        decode_answer(encode_answer({"b", Error{ErrorKind::not_found, "no such name"}}));
    REQUIRE(absent);
    REQUIRE_FALSE(absent->addresses);
    CHECK(absent->addresses.error().kind == ErrorKind::not_found);
    CHECK(absent->addresses.error().message == "no such name");

    const auto failed = decode_answer(encode_answer({"c", Error{ErrorKind::system, "later"}}));
    REQUIRE(failed);
    CHECK(failed->addresses.error().kind == ErrorKind::system);
    CHECK(decode_answer(encode_answer({"d", std::vector<Address>{}}))->addresses->empty());
}

TEST_CASE("resolver: what is no answer is none") {
    for (const char* bytes : {"", "\n", "host", "host\n", "host\nyes\n1.2.3.4", "\nok\n1.2.3.4",
                              "host\nok\nnot-a-number"}) {
        CAPTURE(bytes);
        CHECK_FALSE(decode_answer(bytes));
    }
}

TEST_CASE("resolver: a process that cannot be started is told, and so is one that ends") {
    Resolver missing("/nowhere/at/all");
    const Status asked = missing.ask({"name", 1});
    REQUIRE_FALSE(asked);
    CHECK(asked.error().message.find("/nowhere/at/all") != std::string::npos);
    CHECK(missing.idle());
    CHECK(missing.fd() == -1);

    Resolver ending("/bin/true");
    // It may have ended before it is asked, or after.
    if (ending.ask({"name", 1})) {
        const auto answers = answers_of(ending);
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].name == HostName{"name", 1});
        CHECK_FALSE(answers[0].addresses);
    }
}

TEST_CASE("resolver: it is stopped at once, whatever its process does") {
    const test::TempDir dir;
    dir.write("mute", "#!/bin/sh\nexec sleep 100\n");
    std::filesystem::permissions(dir / "mute", std::filesystem::perms::owner_all);
    Resolver resolver(dir / "mute");
    REQUIRE(resolver.ask({"name", 1}));
    REQUIRE(resolver.ask({"name", 2}));
    CHECK_FALSE(resolver.idle());
    CHECK(resolver.take().empty());
    resolver.stop();
    CHECK(resolver.idle());
    CHECK(resolver.fd() == -1);
}

}  // namespace
}  // namespace shoal::net
