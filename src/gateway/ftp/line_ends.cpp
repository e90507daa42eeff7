#include "gateway/ftp/line_ends.hpp"

namespace shoal::gateway::ftp {

void ToNetwork::convert(std::span<const std::uint8_t> bytes, std::string& out) {
    out.reserve(out.size() + bytes.size() + bytes.size() / 16);
    for (const std::uint8_t byte : bytes) {
        if (byte == '\n' && !after_cr_) {
            out.push_back('\r');
        }
        after_cr_ = byte == '\r';
        out.push_back(static_cast<char>(byte));
    }
}

void FromNetwork::convert(std::span<const std::uint8_t> bytes, std::string& out) {
    out.reserve(out.size() + bytes.size() + 1);
    for (const std::uint8_t byte : bytes) {
        if (cr_ && byte != '\n') {
            out.push_back('\r');
        }
        cr_ = byte == '\r';
        if (!cr_) {
            out.push_back(static_cast<char>(byte));
        }
    }
}

void FromNetwork::finish(std::string& out) {
    if (cr_) {
        out.push_back('\r');
        cr_ = false;
    }
}

}  // namespace shoal::gateway::ftp
