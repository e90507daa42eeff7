// Digest and FileId: what a file is, apart from its name.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::integrity {

// A SHA-256 value (FIPS 180-4).
struct Digest {
    std::array<std::uint8_t, 32> bytes{};

    friend auto operator<=>(const Digest&, const Digest&) = default;
    [[nodiscard]] std::string hex() const { return text::hex(bytes); }
};

// Identity of a file: the size belongs to it, because the tree alone does not tell leaves
// from nodes. The root is BEP 52's pieces root.
struct FileId {
    std::uint64_t size{};
    Digest root;

    friend auto operator<=>(const FileId&, const FileId&) = default;
    // False for what no file is: too large, or empty with a root that is not zero.
    [[nodiscard]] bool possible() const {
        return size <= limits::file_size_max && (size > 0 || root == Digest{});
    }
};

}  // namespace shoal::integrity

template <>
struct std::hash<shoal::integrity::FileId> {
    std::size_t operator()(const shoal::integrity::FileId& id) const noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, id.root.bytes.data(), sizeof word);
        return static_cast<std::size_t>(word ^ id.size);
    }
};
