// Searches on the wire: how the fields of the two structs are used by `search`, `hits` and
// `search_done`, and the payload of `hits`. docs/protocol.md has the tables. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/host_address.hpp"
#include "shoal/base/result.hpp"
#include "shoal/protocol/messages.hpp"

namespace shoal::protocol {

enum class QuestionKind : std::uint16_t { name_part = 0, glob = 1, regex = 2 };

// clientMessage `search`.
struct Search {
    std::array<std::uint8_t, 16> id{};
    std::uint16_t ttl{};
    QuestionKind kind{};
    std::uint32_t wait_ms{};
    std::vector<HostAddress> stack;  // the origin first
    std::uint64_t size_min{};
    std::uint64_t size_max{UINT64_MAX};
    std::string pattern;
    std::string extensions;  // without dots, parted by commas; empty: any
};

// Throws std::length_error when stack or question is too long: both are checked long before.
clientMessage encode_search(const Search& search);
// An error is the asker's; it is answered bad_request.
Result<Search> parse_search(const clientMessage& message);

// serverMessage `hits`: what one host found among its files.
struct Hit {
    std::string_view name;
    integrity::FileId id;  // pending: unhashed()
    bool whole{};          // false: held in part
};
struct Hits {
    std::array<std::uint8_t, 16> search{};
    NodeId holder;
    HostAddress address;            // of the holder; unknown: of who sends this
    std::uint64_t rate{};           // bytes a second that it has sent at best, 0: not known
    std::vector<HostAddress> path;  // hosts that it has crossed, the holder first
    bool more{};                    // the holder has more than it shows
    std::vector<Hit> hits;
};
inline constexpr std::size_t hits_head = 28;        // then the path
inline constexpr std::size_t hit_record_head = 44;  // then the name
inline constexpr std::size_t hits_path_max = limits::search_ttl_max;

struct HitsMessage {
    serverMessage message;
    std::vector<std::uint8_t> payload;
};
HitsMessage encode_hits(const Hits& hits);
// Views into `payload`. Whether a name is a safe path is for its user to check.
Result<Hits> parse_hits(const serverMessage& message, std::span<const std::uint8_t> payload);
// Whether one more record fits beside those.
bool fits(const Hits& hits, const Hit& next);

// serverMessage `search_done`.
struct SearchCounts {
    std::uint64_t messages{}, bytes{}, duplicates{};
    std::uint32_t hosts{}, lost{}, late{}, refused{}, cut{}, unsure{};
};
serverMessage encode_search_done(std::uint64_t id, const SearchCounts& counts);
SearchCounts parse_search_done(const serverMessage& message);

}  // namespace shoal::protocol
