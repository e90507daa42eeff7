// A file to be downloaded, and a check of what has arrived.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>

#include "store_fixture.hpp"

namespace shoal::test {

// A file to be downloaded: its bytes and its tree.
struct DownloadSource {
    explicit DownloadSource(std::size_t size, std::uint64_t seed = 1)
        : bytes(test::random_content(size, seed)), tree(test::tree_of(bytes)) {}

    void send(store::PartialFile& partial, std::uint32_t chunk) const {
        const auto part = chunk_bytes(chunk);
        REQUIRE(partial.write(partial.geometry().chunk_offset({chunk}), part).ok());
        partial.mark_verified({chunk});
    }
    void send_all(store::PartialFile& partial) const {
        for (std::uint32_t chunk = 0; chunk < tree.chunk_hashes.size(); ++chunk) {
            send(partial, chunk);
        }
    }
    [[nodiscard]] std::span<const std::uint8_t> chunk_bytes(std::uint32_t chunk) const {
        const integrity::Geometry geometry(bytes.size());
        return std::span(bytes).subspan(geometry.chunk_offset({chunk}),
                                        geometry.chunk_length({chunk}));
    }
    // With all of what was there proven.
    [[nodiscard]] auto open(store::Store& disk, std::string_view name) const {
        auto opened = disk.open_partial(safe(name), tree.id, tree.chunk_hashes);
        if (opened) {
            prove_all(*opened.value());
        }
        return opened;
    }
    // As the keeper does it.
    [[nodiscard]] static Status finish(store::Store& disk,
                                       const std::shared_ptr<store::PartialFile>& partial,
                                       std::string_view name) {
        if (disk.must_be_proven(*partial)) {
            partial->begin_proving_held();
            prove_all(*partial);
        }
        return disk.finish(partial, safe(name));
    }

    std::vector<std::uint8_t> bytes;
    integrity::FileTree tree;
};

// The chunks that a partial file says it holds are right, byte for byte.
inline void check_held(const store::PartialFile& partial, const DownloadSource& source, int fd) {
    for (std::uint32_t chunk = 0; chunk < partial.geometry().chunk_count(); ++chunk) {
        if (!partial.holds(ChunkIndex{chunk})) {
            continue;
        }
        const auto expected = source.chunk_bytes(chunk);
        std::vector<std::uint8_t> found(expected.size());
        REQUIRE(::pread(fd, found.data(), found.size(),
                        static_cast<off_t>(partial.geometry().chunk_offset({chunk}))) ==
                static_cast<ssize_t>(found.size()));
        REQUIRE(std::equal(expected.begin(), expected.end(), found.begin()));
    }
}
inline void check_held(const store::PartialFile& partial, const DownloadSource& source) {
    check_held(partial, source, partial.fd());
}

}  // namespace shoal::test
