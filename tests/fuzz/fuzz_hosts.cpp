// hosts.txt from arbitrary bytes. Whatever they are: the result is bounded, every host in it is
// unique and survives being written and read again, and no warning can forge a line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"
#include "shoal/net/hosts_file.hpp"

namespace {

constexpr std::uint16_t default_port = 8080;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_warning(const std::string& warning) {
    require(warning.starts_with("hosts.txt:"));
    require(shoal::text::escape(warning) == warning);
    require(warning.size() < 1024);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = shoal::net::parse_hosts(text, "hosts.txt", default_port);

    require(parsed.hosts.size() <= shoal::limits::hosts_max && parsed.hosts.size() <= size);
    require(parsed.warnings.size() <= 21);
    for (const std::string& warning : parsed.warnings) {
        check_warning(warning);
    }

    std::string written;
    for (const auto& name : parsed.hosts) {
        require(!name.host.empty() && name.host.size() <= 253 && name.port != 0);
        written += name.to_string() + "\n";
    }
    require(std::set(parsed.hosts.begin(), parsed.hosts.end()).size() == parsed.hosts.size());

    const auto again = shoal::net::parse_hosts(written, "hosts.txt", 1);
    require(again.hosts == parsed.hosts && again.warnings.empty());
    return 0;
}
