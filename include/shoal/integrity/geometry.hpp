// Geometry: how a file of a given size is cut into chunks and leaves. A function of the size
// alone, so that all hosts count alike.
#pragma once

#include <algorithm>
#include <cstdint>

#include "shoal/base/ids.hpp"
#include "shoal/base/limits.hpp"

namespace shoal::integrity {

// 64 KiB up to 256 MiB, then doubling to keep at most 4,096 chunks, 4 MiB at most.
// `file_size` is at most limits::file_size_max.
constexpr std::uint32_t chunk_size_for(std::uint64_t file_size) {
    std::uint32_t size = limits::chunk_size_min;
    while (size < limits::chunk_size_max &&
           file_size > std::uint64_t{size} * limits::chunk_count_target) {
        size *= 2;
    }
    return size;
}

class Geometry {
  public:
    constexpr Geometry() = default;
    explicit constexpr Geometry(std::uint64_t file_size)
        : file_size_(file_size), chunk_size_(chunk_size_for(file_size)) {}

    [[nodiscard]] constexpr std::uint64_t file_size() const { return file_size_; }
    [[nodiscard]] constexpr std::uint32_t chunk_size() const { return chunk_size_; }
    [[nodiscard]] constexpr std::uint32_t leaves_per_chunk() const {
        return chunk_size_ / limits::leaf_size;
    }
    // Both 0 for an empty file.
    [[nodiscard]] constexpr std::uint32_t chunk_count() const {
        return static_cast<std::uint32_t>((file_size_ + chunk_size_ - 1) / chunk_size_);
    }
    [[nodiscard]] constexpr std::uint64_t leaf_count() const {
        return (file_size_ + limits::leaf_size - 1) / limits::leaf_size;
    }

    [[nodiscard]] constexpr std::uint64_t chunk_offset(ChunkIndex chunk) const {
        return std::uint64_t{chunk.value} * chunk_size_;
    }
    [[nodiscard]] constexpr std::uint32_t chunk_length(ChunkIndex chunk) const {
        return static_cast<std::uint32_t>(
            std::min<std::uint64_t>(chunk_size_, file_size_ - chunk_offset(chunk)));
    }
    [[nodiscard]] constexpr LeafIndex first_leaf(ChunkIndex chunk) const {
        return {std::uint64_t{chunk.value} * leaves_per_chunk()};
    }
    [[nodiscard]] constexpr std::uint32_t leaves_in(ChunkIndex chunk) const {
        return (chunk_length(chunk) + limits::leaf_size - 1) / limits::leaf_size;
    }
    [[nodiscard]] constexpr ChunkIndex chunk_of(LeafIndex leaf) const {
        return {static_cast<std::uint32_t>(leaf.value / leaves_per_chunk())};
    }

    // A run that lies wholly inside the file and is within the request limit.
    [[nodiscard]] constexpr bool contains(LeafRun run) const {
        return run.count > 0 && run.count <= limits::run_leaves_max &&
               run.first.value < leaf_count() && run.count <= leaf_count() - run.first.value;
    }
    // Of a run for which contains() holds.
    [[nodiscard]] constexpr bool is_of_whole_chunks(LeafRun run) const {
        return run.first == first_leaf(chunk_of(run.first)) &&
               (run.end().value % leaves_per_chunk() == 0 || run.end().value == leaf_count());
    }
    [[nodiscard]] static constexpr std::uint64_t run_offset(LeafRun run) {
        return run.first.value * limits::leaf_size;
    }
    // Bytes of a run for which contains() holds.
    [[nodiscard]] constexpr std::uint32_t run_length(LeafRun run) const {
        return static_cast<std::uint32_t>(std::min(run_offset({run.end(), 0}), file_size_) -
                                          run_offset(run));
    }

  private:
    std::uint64_t file_size_{0};
    std::uint32_t chunk_size_{limits::chunk_size_min};
};

}  // namespace shoal::integrity
