#include "shoal/integrity/merkle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <stdexcept>

namespace shoal::integrity {
namespace {

constexpr unsigned height_of(std::uint64_t nodes) {
    return static_cast<unsigned>(std::bit_width(nodes - 1));  // 1 -> 0, 2 -> 1, 3 -> 2
}

constexpr unsigned height_max = height_of(limits::file_size_max / limits::leaf_size);

// Root of a subtree of `height` levels above the leaves, from its leftmost nodes, which are
// themselves `level` levels above the leaves; padding stands to the right of them.
Digest root_of(std::span<const Digest> nodes, unsigned level, unsigned height) {
    assert(!nodes.empty() && nodes.size() <= std::uint64_t{1} << (height - level));
    std::vector<Digest> row(nodes.begin(), nodes.end());
    for (; level < height; ++level) {
        if (row.size() % 2 != 0)
            row.push_back(padding_root(level));
        hash_pairs(row, std::span(row).first(row.size() / 2));
        row.resize(row.size() / 2);
    }
    return row.front();
}

}  // namespace

Digest padding_root(unsigned height) {
    static const auto roots = [] {
        std::array<Digest, height_max + 1> row{};
        for (std::size_t level = 1; level < row.size(); ++level) {
            const std::array<Digest, 2> children{row[level - 1], row[level - 1]};
            hash_pairs(children, std::span(&row[level], 1));
        }
        return row;
    }();
    return roots.at(height);
}

Digest chunk_hash(std::span<const Digest> leaves, const Geometry& geometry) {
    const bool alone = geometry.chunk_count() == 1;
    return root_of(leaves, 0, height_of(alone ? leaves.size() : geometry.leaves_per_chunk()));
}

Digest file_root(std::span<const Digest> hashes, const Geometry& geometry) {
    assert(hashes.size() == geometry.chunk_count());
    if (hashes.empty())
        return {};
    const unsigned level = height_of(geometry.leaves_per_chunk());
    return root_of(hashes, level, level + height_of(hashes.size()));
}

TreeHasher::TreeHasher(std::uint64_t file_size) : geometry_(file_size) {
    chunk_hashes_.reserve(geometry_.chunk_count());
}

void TreeHasher::update(std::span<const std::uint8_t> data) {
    if (data.size() > geometry_.file_size() - received_)
        throw std::logic_error("TreeHasher: more bytes than the file's size");
    received_ += data.size();
    if (!pending_.empty()) {
        const std::size_t taken = std::min(data.size(), limits::leaf_size - pending_.size());
        pending_.insert(pending_.end(), data.begin(),
                        data.begin() + static_cast<std::ptrdiff_t>(taken));
        data = data.subspan(taken);
        if (pending_.size() < limits::leaf_size)
            return;
        take_leaves(pending_);
        pending_.clear();
    }
    const std::size_t whole = data.size() - data.size() % limits::leaf_size;
    take_leaves(data.first(whole));
    pending_.assign(data.begin() + static_cast<std::ptrdiff_t>(whole), data.end());
}

// Appends the leaves' digests and folds every chunk that is complete.
void TreeHasher::take_leaves(std::span<const std::uint8_t> data) {
    const std::size_t before = leaves_.size();
    leaves_.resize(before + (data.size() + limits::leaf_size - 1) / limits::leaf_size);
    hash_leaves(data, std::span(leaves_).subspan(before));

    std::span<const Digest> rest = leaves_;
    while (chunk_hashes_.size() < geometry_.chunk_count()) {
        const ChunkIndex chunk{static_cast<std::uint32_t>(chunk_hashes_.size())};
        const std::size_t count = geometry_.leaves_in(chunk);
        if (rest.size() < count)
            break;
        chunk_hashes_.push_back(chunk_hash(rest.first(count), geometry_));
        rest = rest.subspan(count);
    }
    leaves_.erase(leaves_.begin(), leaves_.end() - static_cast<std::ptrdiff_t>(rest.size()));
}

FileTree TreeHasher::finish() {
    if (received_ != geometry_.file_size())
        throw std::logic_error("TreeHasher: fewer bytes than the file's size");
    take_leaves(pending_);
    const Digest root = file_root(chunk_hashes_, geometry_);
    return {{geometry_.file_size(), root}, std::move(chunk_hashes_)};
}

}  // namespace shoal::integrity
