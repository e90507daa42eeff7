// Listings of the tree, written piece by piece as the connection takes them, so that a folder of
// any size costs a block. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::ftp {

// The facts of MLST and MLSD (RFC 3659, 7.5), one bit each.
enum class Fact : std::uint8_t { type, perm, size, modify, unique, mode, uid, gid };
inline constexpr std::uint8_t all_facts = 0xff;
std::string_view fact_name(Fact fact);

struct ListingStyle {
    enum class Format : std::uint8_t { lines, names, facts };  // LIST, NLST, MLSD
    Format format{Format::lines};
    std::uint8_t facts{all_facts};
    bool may_write{false};  // what `perm` and the mode say
    std::int64_t now{0};    // seconds since 1970: what counts as recent
};

// One entry without the end of line. `path` is its name from the root, `shown_as` what is written;
// both unescaped.
std::string format_entry(const peer::TreeEntry& entry, std::string_view path,
                         std::string_view shown_as, const ListingStyle& style);

class Listing {
  public:
    // A folder. NLST puts `prefix` before each name; `pattern`, unless empty, picks the names.
    Listing(peer::FolderViewPtr view, ListingStyle style, std::string prefix, std::string pattern);
    // One entry of a folder, under a name of its own.
    Listing(peer::TreeEntry entry, ListingStyle style, std::string folder, std::string shown_as);

    // Appends lines, CR LF included, until `out` has at least `enough` bytes or there are no more.
    void fill(std::string& out, std::size_t enough);
    [[nodiscard]] bool done() const { return next_ >= view_->entries.size(); }
    // Whether there is a line at all; looks for it.
    [[nodiscard]] bool empty();

  private:
    [[nodiscard]] std::string shown_as(const peer::TreeEntry& entry) const;
    void skip_to_match();

    peer::FolderViewPtr view_;
    ListingStyle style_;
    std::string prefix_;
    std::string pattern_;
    std::size_t next_{0};
    bool single_{false};  // the prefix is the whole name
};

}  // namespace shoal::gateway::ftp
