// One line of progress, fitted to the terminal's width.
#pragma once

#include <cstddef>
#include <string>

#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

struct Style {
    bool utf8{false};   // eighth-blocks and an ellipsis, else ASCII
    bool color{false};  // modest
};

// "name  43 % |#####     | 1.2/2.8 GiB  112 MiB/s  7 hosts  14 s", at most `columns` wide:
// first the hosts give way, then sizes, time, rate and bar, at last the name's middle.
// `number` is put in front unless it is 0.
std::string progress_line(const peer::FetchProgress& progress, unsigned number, std::size_t columns,
                          Style style);

// The same without a bar and without a limit, for logs and pipes.
std::string progress_text(const peer::FetchProgress& progress);

// "1.2/2.8 GiB", "900 MiB/2.8 GiB".
std::string size_pair(std::uint64_t done, std::uint64_t size);
// Whole percent, rounded down: 100 only when all is there.
unsigned percent(std::uint64_t done, std::uint64_t size);

// `cells` columns of bar.
std::string bar(std::uint64_t done, std::uint64_t size, std::size_t cells, Style style);

}  // namespace shoal::cli
