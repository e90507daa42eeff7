// hosts.txt: the known hosts. Names stand on lines or side by side; '#' starts a comment.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/net/address.hpp"

namespace shoal::net {

struct HostsText {
    std::vector<HostName> hosts;        // in order, each once
    std::vector<std::string> warnings;  // "hosts.txt:4: ...", escaped; at most 21

    friend bool operator==(const HostsText&, const HostsText&) = default;
};

// Pure. `file_name` is used in warnings only. At most limits::hosts_max hosts are kept; lines
// over 4096 bytes are skipped with a warning, a bad word with one too.
HostsText parse_hosts(std::string_view text, std::string_view file_name,
                      std::uint16_t default_port);

// The file (at most 4 MiB), re-read when it changes. One thread.
class HostsFile {
  public:
    HostsFile(std::string path, std::uint16_t default_port);

    // True when the content is another than at the last call (always the first time). An
    // unreadable file is an error the first time; later it keeps the last content and warns once.
    Result<bool> refresh();
    // The next refresh() reads it whatever its stamp says.
    void distrust() { seen_ = {}; }
    [[nodiscard]] const HostsText& text() const { return text_; }

  private:
    Result<bool> read_if_changed();

    std::string path_;
    std::uint16_t default_port_;
    HostsText text_;
    bool loaded_{false};
    bool failing_{false};
    struct Seen {
        ino_t inode{};
        off_t size{};
        std::int64_t mtime_ns{};
        friend bool operator==(const Seen&, const Seen&) = default;
    } seen_;
};

}  // namespace shoal::net
