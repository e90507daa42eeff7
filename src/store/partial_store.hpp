// PartialStore: makes, resumes, finishes and closes the partial files of downloads/.
//
// A journal gets its name before its part, and goes after it, and says which two files they are:
// a part without such a journal is not ours and is never touched, nor is a copy of the two. The
// lock on the journal says which process downloads it. Main only.
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

    struct Order {
        SafePath name;
        integrity::FileId id;
        std::vector<integrity::Digest> chunk_hashes;
    };
    // As Store::open_partial().
    Result<std::shared_ptr<PartialFile>> open(Order order, bool rename_on_clash) const;
    // What the journal tells, to be served only as far as prove() has come; not locked.
    // ErrorKind::not_found when there is nothing to serve.
    Result<std::shared_ptr<PartialFile>> load(const SafePath& journal_path) const;

    // Whether this name in `folder` is a part or a journal of ours.
    static bool owns(int folder, const std::string& name);
    // Gives the part another name, since a file is to have the one that it has.
    Status make_way(PartialFile& partial) const;
    // The same for one that is not open here. ErrorKind::busy: another process has it.
    Status make_way(const SafePath& name) const;

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
    Result<Claim> claim(int folder, const Order& order) const;
    Result<bool> claim_part(int folder, const Order& order, const std::string& part,
                            Claim& claim) const;
    static void look_for_source(int folder, const Order& order, const std::string& part,
                                int journal, Claim& claim);
    Status make_part(int folder, const Order& order, const std::string& part, Claim& claim) const;
    Status check_space(const SafePath& name, const integrity::FileId& id,
                       std::uint64_t there) const;
    Status check_place(int folder, const SafePath& name) const;
    Status resume(PartialFile& partial, Claim& claim) const;
    bool end_naming(const SafePath& part, int data, int journal) const;
    static Status start_journal(PartialFile& partial);
    static void plan_proof(PartialFile& partial, Claim& claim);
    static int move_pair(int folder, const SafePath& name, const integrity::FileId& id,
                         std::string& part, int data, int journal);

    const Root* root_;
    mode_t file_mode_;
};

}  // namespace shoal::store
