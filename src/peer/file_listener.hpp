// FileListener: what the fetch of one file tells the order it belongs to.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

struct FileResult {
    Outcome outcome{};
    std::string saved_as;  // below downloads/
    std::string text;      // why not
    bool meddled{false};   // other programs have changed or moved the part: it may be begun anew
};

class FileListener {
  public:
    virtual ~FileListener() = default;
    // `index` is the listener's own number of the file.
    virtual void file_opened(std::size_t index, std::uint64_t kept, std::uint64_t rechecked) = 0;
    virtual void file_received(const std::string& host, std::uint64_t bytes) = 0;
    virtual void file_verified(std::size_t index, std::uint64_t bytes, TimePoint now) = 0;
    // All of a file of one chunk, verified, before it is saved.
    virtual void file_content(std::size_t, std::span<const std::uint8_t>) {}
    virtual void file_note(std::size_t index, FetchNote::Kind kind, const std::string& host,
                           const std::string& text) = 0;
    virtual void file_done(std::size_t index, FileResult result, TimePoint now) = 0;
};

}  // namespace shoal::peer
