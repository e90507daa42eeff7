#include "shoal/store/partial_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "file_io.hpp"
#include "file_names.hpp"
#include "hasher.hpp"
#include "journal.hpp"
#include "recheck.hpp"
#include "shoal/base/text.hpp"

namespace shoal::store {

namespace {

constexpr std::uint64_t check_every = limits::MiB;  // of what is written

}  // namespace

std::string PartialFile::part_path() const {
    return progress_.with([](const Progress& progress) { return progress.part_path; });
}

void PartialFile::set_place(std::string part_path) {
    progress_.lock()->part_path = std::move(part_path);
}

// What costs next to nothing.
Status PartialFile::check_data() const {
    struct stat status {};
    if (::fstat(data_.get(), &status) != 0) {
        return system_error("cannot look at '" + text::escape(part_path()) + "'", errno);
    }
    const bool gone = status.st_nlink == 0;
    if (!gone && static_cast<std::uint64_t>(status.st_size) == id_.size) {
        return {};
    }
    return Error{ErrorKind::changed,
                 "'" + text::escape(part_path()) + "' in '" + text::escape(root_->path()) +
                     (gone ? "' was removed" : "' was cut or made longer by another program") +
                     " while it was being downloaded"};
}

Status PartialFile::check() const {
    if (Status data = check_data(); !data) {
        return data;
    }
    // Under the lock: the part may be moved by ourselves.
    const bool there = progress_.with([this](const Progress& progress) {
        return !folder_ || leads_to(folder_.get(), file_names::last_of(progress.part_path).c_str(),
                                    data_.get());
    });
    if (!there) {
        return Error{ErrorKind::changed, "'" + text::escape(part_path()) + "' in '" +
                                             text::escape(root_->path()) +
                                             "' was moved away or replaced while it was being "
                                             "downloaded"};
    }
    return root_->check_in_place();
}

Status PartialFile::write(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    if (offset > id_.size || bytes.size() > id_.size - offset) {
        return Error{ErrorKind::bad_input,
                     "a write beyond the end of '" + text::escape(part_path()) + "' was refused"};
    }
    written_unchecked_ += bytes.size();
    if (written_unchecked_ >= check_every) {
        written_unchecked_ = 0;
        if (Status in_place = check(); !in_place) {
            return in_place;
        }
    } else if (Status whole = check_data(); !whole) {
        return whole;
    }
    if (const int why = write_all(data_.get(), offset, bytes); why != 0) {
        return system_error("cannot write to '" + text::escape(part_path()) + "'", why);
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
            return system_error("cannot read back '" + text::escape(part_path()) + "'",
                                got < 0 ? errno : EIO);
        }
        integrity::hash_leaves(bytes, std::span(digests).subspan(done, slice.count));
    }
    return digests;
}

// Proving --------------------------------------------------------------------------------------

double PartialFile::proven() const {
    return proof_.chunks.empty()
               ? 1.0
               : static_cast<double>(proof_.next) / static_cast<double>(proof_.chunks.size());
}

void PartialFile::begin_proving_held() {
    const Bitmap held = this->held();
    proof_ = {};
    proof_.journaled = held;
    proof_.chunks = chunks_in(held);
    resumed_ = {};
    doubted_ = false;
}

bool PartialFile::end_writing() {
    struct stat status {};
    return (folder_ && reopen_read_only(data_.get(), folder_.get(),
                                        file_names::last_of(part_path()).c_str()) != 0) ||
           ::fstat(data_.get(), &status) != 0 || is_being_written(data_.get(), Stamp::of(status));
}

bool PartialFile::prove(TimePoint deadline) {
    if (proof_.next == proof_.chunks.size()) {
        return false;
    }
    do {
        const ChunkIndex chunk = proof_.chunks[proof_.next++];
        const bool right = prove_chunk(chunk);
        const std::uint32_t length = geometry_.chunk_length(chunk);
        const bool journaled = proof_.journaled.test(chunk.value);
        resumed_.rechecked_bytes += journaled ? 0 : length;
        resumed_.kept_bytes += journaled && right ? length : 0;
        resumed_.lost_bytes += right ? 0 : length;
        resumed_.held_bytes += right ? length : 0;
        proof_.lost_journaled |= journaled && !right;
        progress_.with([&](Progress& progress) {
            if (!right) {
                progress.held.clear(chunk.value);
            } else if (progress.held.set(chunk.value) && (!journaled || proof_.source)) {
                progress.unsynced.push_back(chunk);
            }
        });
    } while (proof_.next < proof_.chunks.size() && steady_now() < deadline);
    if (proof_.next < proof_.chunks.size()) {
        return true;
    }
    end_proof();
    return false;
}

// A journal that promised what is not so is written anew.
void PartialFile::end_proof() {
    if (proof_.lost_journaled && !proof_.source && journal_ &&
        ::ftruncate(journal_.get(), static_cast<off_t>(journal_head_size_)) == 0) {
        journal_records_ = 0;
        progress_.with([](Progress& progress) { progress.unsynced = chunks_in(progress.held); });
    }
    proof_ = {};
    scratch_ = {};
}

bool PartialFile::prove_chunk(ChunkIndex chunk) {
    const LeafRun leaves{geometry_.first_leaf(chunk), geometry_.leaves_in(chunk)};
    const auto digests = proof_.source ? take_over(chunk) : hash_leaves(leaves, scratch_);
    return digests && integrity::chunk_hash(*digests, geometry_) == hashes_[chunk.value];
}

// The chunk is copied first; hashed as it stands here.
Result<std::vector<integrity::Digest>> PartialFile::take_over(ChunkIndex chunk) {
    const std::uint64_t begin = geometry_.chunk_offset(chunk);
    std::vector<std::uint8_t> bytes(geometry_.chunk_length(chunk));
    if (read_up_to(proof_.source.get(), begin, bytes) != static_cast<std::int64_t>(bytes.size())) {
        return system_error("cannot read what an earlier download left", errno);
    }
    if (const int why = write_all(data_.get(), begin, bytes); why != 0) {
        return system_error("cannot write to '" + text::escape(part_path()) + "'", why);
    }
    return hash_leaves({geometry_.first_leaf(chunk), geometry_.leaves_in(chunk)}, scratch_);
}

// Syncing --------------------------------------------------------------------------------------

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
        sync_error_ = system_error("cannot sync '" + text::escape(part_path()) + "'", errno);
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
    if (why == 0 && !folder_synced_ && ::fsync(folder_.get()) != 0) {
        why = errno;
    }
    if (why != 0) {
        return system_error("cannot write the journal of '" + text::escape(part_path()) + "'", why);
    }
    folder_synced_ = true;
    journal_records_ += records.size() / journal_record_size;
    return {};
}

}  // namespace shoal::store
