// ListingWalk: goes through what one server lists, page by page: what to ask next, and what each
// page is worth. Sans-I/O.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shoal/protocol/codec.hpp"

namespace shoal::peer {

class ListingWalk {
  public:
    enum class Depth {
        whole,     // every name with the prefix
        children,  // of what is below a subfolder, some names only: they tell that it is there
    };
    // Most of what is kept of listings, by cost_of(): of one server's folder, and of all that one
    // order asks.
    static constexpr std::size_t of_folder_max = 64 * limits::MiB;
    static constexpr std::size_t of_order_max = 192 * limits::MiB;

    // More than `cost_max` is not taken in from this server.
    ListingWalk(std::string prefix, Depth depth, std::size_t cost_max);

    [[nodiscard]] protocol::clientMessage question() const;

    enum class Verdict {
        more,        // ask question() again
        complete,    // that was the last page: what has not come is not there
        incomplete,  // likewise, but the server does not know yet all that it has
        broken,      // the page makes no sense: the server does not keep to the protocol
        too_much,    // the rest is not taken in
    };
    struct Page {
        Verdict verdict{};
        // Of names with the prefix. Of children also folders ("a/") that the server cannot read:
        // they are there. Of the whole they make it incomplete.
        std::vector<protocol::ListingRecord> records;
        bool moves{false};  // the last page, or one full of names: else it is no sign of life
        std::string why;    // of broken
    };
    // The records view `payload`.
    Page take(std::uint16_t flags, std::span<const std::uint8_t> payload);

    // What a record may cost in memory when it is kept.
    static std::size_t cost_of(std::string_view name) { return name.size() + 160; }

  private:
    [[nodiscard]] std::string behind(std::string_view last) const;

    std::string prefix_;
    Depth depth_;
    std::size_t cost_left_;
    std::string cursor_;
    bool unseen_{false};  // it has told of a folder that it cannot read
};

}  // namespace shoal::peer
