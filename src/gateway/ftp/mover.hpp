// Movers: what goes over a data connection, a block at a time. Each call moves at most one block,
// so that clients take turns. One owner thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gateway/ftp/line_ends.hpp"
#include "gateway/ftp/listing.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::ftp {

// What a turn of one client moves at most, sixteen pages: one segment over loopback, or one handed
// to a network card. Less costs more calls. More serves unevenly: with 128 KiB the slowest of 64
// clients of many files took 1.4 times as long as the fastest, and all moved less.
inline constexpr std::size_t block_size = 64 * limits::KiB;

class Mover {
  public:
    enum class Step : std::uint8_t {
        moved,  // call again when the socket is ready
        waits,  // for news of the file
        done,
        broken,  // the connection is
        failed,  // see error()
    };
    virtual ~Mover() = default;

    [[nodiscard]] virtual bool sends() const = 0;
    // `scratch` has block_size bytes, of use to nobody between calls.
    virtual Step step(int socket, std::span<std::uint8_t> scratch) = 0;
    [[nodiscard]] const Error& error() const { return error_; }

  protected:
    Step fail(Error error) {
        error_ = std::move(error);
        return Step::failed;
    }

  private:
    Error error_;
};

std::unique_ptr<Mover> make_listing_mover(Listing listing);
// From `offset`; TYPE A turns line ends into CR LF.
std::unique_ptr<Mover> make_file_mover(peer::ReadStreamPtr stream, std::uint64_t offset,
                                       bool ascii);
// Into `upload`, which outlives it; TYPE A turns CR LF into LF. Done when the client has closed.
std::unique_ptr<Mover> make_upload_mover(peer::Upload& upload, bool ascii);

}  // namespace shoal::gateway::ftp
