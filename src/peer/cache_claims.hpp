// CacheClaims: files and parts of downloads/ that users have asked for while they were a gateway's
// cache. Processes that share a state folder meet here: what stands in this file is the user's, and
// the gateway's process looks into it, under its lock, before it removes anything. So a file that
// an order was told to be here stays. Any thread; each call may wait for another process that
// removes a few files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"

namespace shoal::peer {

class CacheClaims {
  public:
    explicit CacheClaims(const std::string& state_folder)
        : path_(state_folder + "/gateway-claims") {}

    // Before anything comes into the cache: from then on there is somewhere to claim it.
    Status prepare() const;

    // Nobody else claims or removes anything as long as this lives.
    class Lock {
      public:
        // Nothing is cached here, so that nothing need be claimed.
        [[nodiscard]] bool needless() const { return !fd_; }
        Status claim(std::string_view name);
        // What was claimed since the last call of forget().
        [[nodiscard]] Result<std::vector<std::string>> claimed() const;
        // The book knows them, and is saved.
        void forget();

      private:
        friend class CacheClaims;
        Fd fd_;
        std::string path_;
    };
    [[nodiscard]] Result<Lock> lock() const;

  private:
    std::string path_;
};

}  // namespace shoal::peer
