#include <arpa/inet.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "shoal/base/random.hpp"
#include "shoal/net/address.hpp"

using namespace shoal;
using net::Address;
using net::HostName;
using net::parse_host_name;

namespace {

Address numeric(std::string_view host, std::uint16_t port = 8080) {
    const auto address = Address::parse_numeric(host, port);
    REQUIRE(address);
    return *address;
}

}  // namespace

TEST_CASE("numeric addresses print as people write them", "[net]") {
    CHECK(numeric("127.0.0.2").to_string() == "127.0.0.2:8080");
    CHECK(numeric("::1", 1).to_string() == "[::1]:1");
    CHECK(numeric("2001:DB8:0::1").host() == "2001:db8::1");
    CHECK(numeric("fe80::1%lo").host() == "fe80::1%lo");
    CHECK(numeric("fe80::1%1") == numeric("fe80::1%lo"));
    CHECK(Address::any_v4(9).to_string() == "0.0.0.0:9");
    CHECK(Address{}.to_string() == "unspecified");
    for (const char* bad : {"", "localhost", "127.1", "127.0.0.256", "1.2.3.4.5", "0x7f.0.0.1",
                            "::1::", "[::1]", "fe80::1%", "fe80::1%nosuch0", "127.0.0.1%lo"}) {
        INFO(bad);
        CHECK_FALSE(Address::parse_numeric(bad, 1));
    }
    CHECK_FALSE(Address::parse_numeric(std::string_view("::1\0x", 5), 1));
    CHECK_FALSE(Address::parse_numeric(std::string(10000, '1'), 1));
}

TEST_CASE("an IPv4 address inside IPv6 is that IPv4 address", "[net]") {
    CHECK(numeric("::ffff:127.0.0.1") == numeric("127.0.0.1"));
    CHECK(numeric("::ffff:127.0.0.1").family() == AF_INET);
}

TEST_CASE("any address survives printing and parsing", "[net]") {
    SmallRandom random(11);
    for (int round = 0; round < 2000; ++round) {
        sockaddr_storage raw{};
        const bool v6 = random.below(2) == 0;
        raw.ss_family = v6 ? AF_INET6 : AF_INET;
        auto* bytes = reinterpret_cast<std::uint8_t*>(&raw);
        const std::size_t first = v6 ? offsetof(sockaddr_in6, sin6_addr) : 4;
        for (std::size_t i = 0; i < (v6 ? 16U : 4U); ++i) {
            bytes[first + i] = static_cast<std::uint8_t>(random.below(3) == 0 ? random.next() : 0);
        }
        const auto port = static_cast<std::uint16_t>(1 + random.below(65535));
        const Address address = Address::from_sockaddr(raw)->with_port(port);
        CHECK(address.port() == port);
        const auto name = parse_host_name(address.to_string(), 1);
        INFO(address.to_string());
        REQUIRE(name);
        REQUIRE(Address::parse_numeric(name->host, name->port) == address);
        REQUIRE(name->to_string() == address.to_string());
    }
}

TEST_CASE("addresses compare by family, host and port", "[net]") {
    CHECK(numeric("10.0.0.1", 1) == numeric("10.0.0.1", 1));
    CHECK_FALSE(numeric("10.0.0.1", 1) == numeric("10.0.0.1", 2));
    CHECK_FALSE(numeric("10.0.0.1", 1) == numeric("10.0.0.2", 1));
    CHECK_FALSE(numeric("0.0.0.0", 1) == numeric("::", 1));
    CHECK(numeric("10.0.0.1", 9) < numeric("10.0.0.2", 1));
    CHECK(numeric("10.0.0.1", 1) < numeric("10.0.0.1", 2));

    sockaddr_in dirty{};
    std::memset(&dirty, 0xEE, sizeof dirty);  // the padding must not count
    dirty.sin_family = AF_INET;
    dirty.sin_port = htons(1);
    dirty.sin_addr.s_addr = htonl(0x0A000001);
    sockaddr_storage raw{};
    std::memcpy(&raw, &dirty, sizeof dirty);
    CHECK(Address::from_sockaddr(raw) == numeric("10.0.0.1", 1));
    raw.ss_family = AF_UNIX;
    CHECK_FALSE(Address::from_sockaddr(raw));
}

TEST_CASE("loopback and wildcard addresses are known", "[net]") {
    for (const char* host : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
        CHECK(numeric(host).is_loopback());
        CHECK_FALSE(numeric(host).is_any());
    }
    for (const char* host : {"0.0.0.0", "::"}) {
        CHECK(numeric(host).is_any());
        CHECK_FALSE(numeric(host).is_loopback());
    }
    for (const char* host : {"128.0.0.1", "10.0.0.1", "2001:db8::1"}) {
        CHECK_FALSE(numeric(host).is_loopback());
        CHECK_FALSE(numeric(host).is_any());
    }
    CHECK_FALSE(Address{}.is_any());
    CHECK_FALSE(Address{}.is_loopback());
}

TEST_CASE("host names in every form", "[net]") {
    const auto parsed = [](std::string_view word) {
        const auto name = parse_host_name(word, 8080);
        INFO(word);
        REQUIRE(name);
        return *name;
    };
    CHECK(parsed("example.org") == HostName{"example.org", 8080});
    CHECK(parsed("Example.ORG:80") == HostName{"example.org", 80});
    CHECK(parsed("10.0.0.1:65535") == HostName{"10.0.0.1", 65535});
    CHECK(parsed("::1") == HostName{"::1", 8080});
    CHECK(parsed("[::1]") == HostName{"::1", 8080});
    CHECK(parsed("[::1]:9") == HostName{"::1", 9});
    CHECK(parsed("2001:db8:0:0::1") == HostName{"2001:db8::1", 8080});
    CHECK(parsed("my_host-1.") == HostName{"my_host-1.", 8080});
    CHECK(parsed(std::string(253, 'a')).host.size() == 253);
}

TEST_CASE("a bad host name says what is wrong", "[net]") {
    const auto why = [](std::string_view word) {
        const auto name = parse_host_name(word, 8080);
        INFO(word);
        REQUIRE_FALSE(name.ok());
        CHECK(name.error().kind == ErrorKind::bad_input);
        return name.error().message;
    };
    CHECK(why("foo:99999") == "'foo:99999' is not a host: port must be 1..65535");
    for (const char* word : {"foo:", "foo:0", "foo:-1", "foo:8080x", "[::1]:0"}) {
        CHECK(why(word).ends_with("port must be 1..65535"));
    }
    for (const char* word : {"", ":80", "[]", "[::1", "[::1]8080", "[10.0.0.1", "1:2:3", "[foo]:1",
                             "a b", "a/b", "-a", ".a", "a..b", "caf\xc3\xa9", "a\nb"}) {
        CHECK(why(word).find('\n') == std::string::npos);
    }
    CHECK(why(std::string(254, 'a')).size() < 200);
    CHECK(why("x\x1b[31m") ==
          "'x\\x1B[31m' is not a host: names are made of letters, digits, '-', '.' and '_'");
}

TEST_CASE("resolve takes numbers as they are and asks for names", "[net]") {
    const auto number = net::resolve({"127.0.0.7", 99});
    REQUIRE(number);
    REQUIRE(number->size() == 1);
    CHECK(number->front().to_string() == "127.0.0.7:99");
    const auto name = net::resolve({"localhost", 99});
    REQUIRE(name);
    REQUIRE_FALSE(name->empty());
    for (const Address& address : *name) {
        CHECK(address.is_loopback());
        CHECK(address.port() == 99);
    }
}

TEST_CASE("an address goes into a message and comes out of it") {
    for (const char* host : {"192.168.1.5", "127.0.0.1", "2001:db8::5", "::1"}) {
        const auto address = Address::parse_numeric(host, 4711);
        REQUIRE(address);
        const auto back = Address::from_wire(address->wire());
        REQUIRE(back);
        CHECK(*back == *address);
        CHECK(back->is_dialable());
    }
    CHECK(Address::parse_numeric("1.2.3.4", 1)->wire().ip ==
          std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4});
    CHECK_FALSE(Address::from_wire({}));
}

TEST_CASE("what is no host's address is not dialled") {
    for (const char* host :
         {"0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"}) {
        CAPTURE(host);
        CHECK_FALSE(Address::parse_numeric(host, 80)->is_dialable());
    }
    CHECK_FALSE(Address::parse_numeric("1.2.3.4", 0)->is_dialable());
}
