// TYPE A: lines end with CR LF on the wire and with LF in files. Pure; both take any split of the
// data.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace shoal::gateway::ftp {

// LF becomes CR LF; what is CR LF already stays.
class ToNetwork {
  public:
    void convert(std::span<const std::uint8_t> bytes, std::string& out);

  private:
    bool after_cr_{false};
};

// CR LF becomes LF; any other CR stays.
class FromNetwork {
  public:
    void convert(std::span<const std::uint8_t> bytes, std::string& out);
    // A CR that was held back for its LF; call it at the end.
    void finish(std::string& out);

  private:
    bool cr_{false};
};

}  // namespace shoal::gateway::ftp
