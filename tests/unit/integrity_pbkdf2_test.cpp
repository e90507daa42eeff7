#include <catch2/catch.hpp>
#include <string_view>
#include <vector>

#include "shoal/base/text.hpp"
#include "shoal/integrity/pbkdf2.hpp"

using namespace shoal;

namespace {

std::string derive(std::string_view password, std::string_view salt, std::uint32_t iterations,
                   std::size_t length) {
    const std::vector<std::uint8_t> key(password.begin(), password.end());
    const std::vector<std::uint8_t> grains(salt.begin(), salt.end());
    return text::hex(integrity::pbkdf2_hmac_sha256(key, grains, iterations, length));
}

}  // namespace

TEST_CASE("PBKDF2-HMAC-SHA256 gives the values of RFC 7914, section 11") {
    CHECK(derive("passwd", "salt", 1, 64) ==
          "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
          "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    CHECK(derive("Password", "NaCl", 80000, 64) ==
          "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
          "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
}

TEST_CASE("PBKDF2 takes keys over a block, no salt, no password, and cuts the last block") {
    // By another implementation (Python's hashlib).
    CHECK(derive(std::string(65, 'k'), "", 3, 20) == "3ff12ae140e48533fc9fe9eead6b00705c314d3a");
    CHECK(derive("", "salt", 2, 33) ==
          "62384466264daadc4144018c6bd864648272b34da8980d31521ffcce92ae003bbf");
    CHECK(derive("any", "salt", 1, 0).empty());
}
