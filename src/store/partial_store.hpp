// PartialStore: makes, resumes, finishes and closes the partial files of downloads/.
//
// A journal is made before its part, and goes after it, so a part without a journal is not
// ours. The lock on the journal says which process downloads it. Main only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "shoal/store/partial_file.hpp"
#include "shoal/store/root.hpp"

namespace shoal::store {

// Parts that are offered, those under way included: each keeps its list of chunk hashes.
inline constexpr std::size_t partials_offered_max = 512;

class PartialStore {
  public:
    // `file_mode`: of finished files.
    PartialStore(const Root& root, mode_t file_mode) : root_(&root), file_mode_(file_mode) {}

    // As Store::open_partial().
    Result<std::shared_ptr<PartialFile>> open(const SafePath& name, const integrity::FileId& id,
                                              std::vector<integrity::Digest> chunk_hashes) const;
    // What the journal tells, to be served only; not locked, nothing is checked again.
    // ErrorKind::not_found when there is nothing to serve.
    Result<std::shared_ptr<PartialFile>> load(const SafePath& journal_path) const;

    // As Store::finish(); the stamp of the finished file.
    Result<Stamp> finish(PartialFile& partial, const SafePath& final_name,
                         std::optional<std::int64_t> mtime_s) const;
    // As Store::close_partial(). One that holds nothing is removed from the disk.
    Status close(PartialFile& partial) const;
    // The same file without its descriptors, to be offered: Catalog::open_part() opens it.
    static std::shared_ptr<PartialFile> resting(const PartialFile& partial);
    // Removes its files.
    void drop(PartialFile& partial) const;
    // Removes the files of one that is not open. False when it is, here or in another process.
    bool remove(const PartialFile& partial) const;
    // Whether close() or finish() is still to come.
    static bool is_open(const PartialFile& partial) { return static_cast<bool>(partial.journal_); }

  private:
    struct Claim;
    using Opened = std::shared_ptr<PartialFile>;
    Result<Claim> claim(int folder, const SafePath& name, const integrity::FileId& id) const;
    Result<bool> claim_part(int folder, const std::string& part, const integrity::FileId& id,
                            Claim& claim) const;
    Status open_data(int folder, Claim& claim, PartialFile& partial) const;
    Status check_space(const PartialFile& partial, std::uint64_t there) const;
    static Status start_journal(PartialFile& partial);
    static void recheck(PartialFile& partial);
    static void forget_files(int folder, const std::string& part);

    const Root* root_;
    mode_t file_mode_;
};

}  // namespace shoal::store
