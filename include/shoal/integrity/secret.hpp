// Secret: what all who may come in share. From a file that only its owner may read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/base/result.hpp"

namespace shoal::integrity {

// Wiped when it goes. Never shown, never logged.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
    Secret(Secret&&) = default;
    Secret(const Secret&) = default;
    Secret& operator=(Secret other) noexcept {
        bytes_.swap(other.bytes_);
        return *this;
    }
    ~Secret();
    // One trailing line end is dropped; 16..4096 bytes; mode must not let group or others in.
    // From then on the process leaves no core behind when it crashes: the secret would be in it.
    static Result<Secret> load(const std::string& path);
    [[nodiscard]] bool present() const { return !bytes_.empty(); }
    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

  private:
    std::vector<std::uint8_t> bytes_;
};

}  // namespace shoal::integrity
