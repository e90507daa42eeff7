// FileReader: a ReadStream as jobs read it: in blocks, as far as the bytes are here. One job's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "gateway/json/job.hpp"

namespace shoal::gateway::json {

class FileReader {
  public:
    void open(peer::GatewayApi& api, const std::string& name, std::uint64_t offset,
              const Waker& waker);
    [[nodiscard]] bool begun() const { return slot_ != nullptr; }
    // Whether the stream is there: false: not yet, the waker will be called.
    Result<bool> opened();

    [[nodiscard]] const peer::TreeEntry& entry() const { return stream_->entry(); }
    [[nodiscard]] peer::ReadStream& stream() { return *stream_; }
    // Fills the front of `into` from `offset`, which lies before the end of the file; 0: nothing
    // is here yet, the waker will be called.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into);
    // Whether all that was read was the file; false: not known yet, the waker will be called.
    Result<bool> confirm();
    peer::ReadStreamPtr take() { return std::move(stream_); }

  private:
    SlotPtr<peer::ReadStreamPtr> slot_;
    peer::ReadStreamPtr stream_;
};

}  // namespace shoal::gateway::json
