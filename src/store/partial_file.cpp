#include "shoal/store/partial_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "file_io.hpp"
#include "file_names.hpp"
#include "journal.hpp"
#include "shoal/base/text.hpp"

namespace shoal::store {

Status PartialFile::write(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    if (offset > id_.size || bytes.size() > id_.size - offset) {
        return Error{ErrorKind::bad_input,
                     "a write beyond the end of '" + text::escape(part_path_) + "' was refused"};
    }
    if (const int why = write_all(data_.get(), offset, bytes); why != 0) {
        return system_error("cannot write to '" + text::escape(part_path_) + "'", why);
    }
    return {};
}

void PartialFile::mark_verified(ChunkIndex chunk) {
    progress_.with([&](Progress& progress) {
        if (progress.held.set(chunk.value)) {
            progress.unsynced.push_back(chunk);
        }
    });
}

bool PartialFile::holds(ChunkIndex chunk) const {
    return progress_.with([&](const Progress& progress) {
        return chunk.value < progress.held.size() && progress.held.test(chunk.value);
    });
}

bool PartialFile::holds(LeafRun run) const {
    if (!geometry_.contains(run)) {
        return false;
    }
    const std::uint32_t first = geometry_.chunk_of(run.first).value;
    const std::uint32_t last = geometry_.chunk_of({run.end().value - 1}).value;
    return progress_.with([&](const Progress& progress) {
        for (std::uint32_t chunk = first; chunk <= last; ++chunk) {
            if (!progress.held.test(chunk)) {
                return false;
            }
        }
        return true;
    });
}

std::uint32_t PartialFile::held_run(ChunkIndex first, std::uint32_t most) const {
    return progress_.with([&](const Progress& progress) {
        std::uint32_t count = 0;
        while (count < most && first.value + count < progress.held.size() &&
               progress.held.test(first.value + count)) {
            ++count;
        }
        return count;
    });
}

Bitmap PartialFile::held() const {
    return progress_.with([](const Progress& progress) { return progress.held; });
}

std::uint32_t PartialFile::held_count() const {
    return progress_.with(
        [](const Progress& progress) { return static_cast<std::uint32_t>(progress.held.count()); });
}

Result<std::vector<integrity::Digest>> PartialFile::hash_leaves(
    LeafRun run, std::vector<std::uint8_t>& scratch) const {
    constexpr std::uint32_t slice_leaves = limits::receive_slice_leaves;
    scratch.resize(std::size_t{slice_leaves} * limits::leaf_size);
    std::vector<integrity::Digest> digests(run.count);
    for (std::uint32_t done = 0; done < run.count; done += slice_leaves) {
        const LeafRun slice{{run.first.value + done}, std::min(slice_leaves, run.count - done)};
        const auto bytes = std::span(scratch).first(geometry_.run_length(slice));
        const std::int64_t got =
            read_up_to(data_.get(), integrity::Geometry::run_offset(slice), bytes);
        if (got != static_cast<std::int64_t>(bytes.size())) {
            return system_error("cannot read back '" + text::escape(part_path_) + "'",
                                got < 0 ? errno : EIO);
        }
        integrity::hash_leaves(bytes, std::span(digests).subspan(done, slice.count));
    }
    return digests;
}

Status PartialFile::sync() {
    if (sync_error_) {
        return *sync_error_;
    }
    std::vector<ChunkIndex> chunks =
        progress_.with([](Progress& progress) { return std::exchange(progress.unsynced, {}); });
    if (chunks.empty() || !journal_) {
        return {};
    }
    if (::fdatasync(data_.get()) != 0) {
        sync_error_ = system_error("cannot sync '" + text::escape(part_path_) + "'", errno);
        return *sync_error_;
    }
    if (Status done = append_to_journal(chunks); !done) {
        progress_.with([&](Progress& progress) {
            progress.unsynced.insert(progress.unsynced.end(), chunks.begin(), chunks.end());
        });
        return done;
    }
    return {};
}

// On failure the records count as not written and the next ones take their place.
Status PartialFile::append_to_journal(const std::vector<ChunkIndex>& chunks) {
    const auto records = encode_journal_records(id_, journal_records_, chunks);
    const std::uint64_t end = journal_head_size_ + journal_records_ * journal_record_size;
    int why = write_all(journal_.get(), end, records);
    if (why == 0 && ::fdatasync(journal_.get()) != 0) {
        why = errno;
    }
    if (why == 0 && folder_ && ::fsync(folder_.get()) != 0) {
        why = errno;
    }
    if (why != 0) {
        return system_error("cannot write the journal of '" + text::escape(part_path_) + "'", why);
    }
    folder_.reset();
    journal_records_ += records.size() / journal_record_size;
    return {};
}

}  // namespace shoal::store
