// Store: the disk side of a peer. All of it runs on main, in slices, so that signals and
// orders get in between; only the Catalog and PartialFiles are shared with other threads.
//
// On disk: shared/ (changed by its Editor alone), downloads/ (finished files, NAME.part,
// NAME.part.journal), and in the state folder the index: what was hashed, so that a restart hashes
// nothing twice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/base/time.hpp"
#include "shoal/store/catalog.hpp"
#include "shoal/store/editor.hpp"
#include "shoal/store/partial_file.hpp"

namespace shoal::store {

struct StoreOptions {
    std::string shared;
    std::string downloads;
    std::string state;
    bool hash_in_background{true};   // off: only what is asked for (one-shots)
    bool watch{true};                // inotify
    std::vector<std::string> own{};  // what is never offered nor changed: see Root::open()
};

// A verified file of one chunk, to be written whole.
struct SmallFile {
    SafePath name;
    integrity::FileId id;
    std::vector<std::uint8_t> bytes;
    std::optional<std::int64_t> mtime_s{};  // as for Store::finish()
};

class Store {
  public:
    // Scans both folders' names; hashing follows in work(). Another process may hold the
    // index: then it is read but not written.
    static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
    ~Store();

    [[nodiscard]] Catalog& catalog();
    [[nodiscard]] const Root& downloads() const;
    // Of shared/, or of the finished files of downloads/.
    [[nodiscard]] Editor& editor(Where where);

    // inotify's descriptor, -1 without one; handle_watch() when it is readable.
    [[nodiscard]] int watch_fd() const;
    void handle_watch(TimePoint now);
    // To be watched for exceptional conditions, -1 for none; handle_mounts() when there is one:
    // something was mounted somewhere, or is no longer.
    [[nodiscard]] int mounts_fd() const;
    void handle_mounts(TimePoint now);
    // What is left out and what is walked through again and again, as names and texts for a status,
    // if that has changed since the last call.
    using Notes = std::vector<std::pair<std::string, std::string>>;
    std::optional<Notes> take_notes();
    // One slice (about 10 ms) of scanning, hashing and saving. True: call again at once.
    bool work(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;

    // Moves a pending name to the front of the queue. Takes all notices of changes and looks on the
    // disk before, so that unknown names become known. "": the notices only.
    void hash_first(std::string_view name);
    // The file is not what was hashed: looks on the disk, and hashes it again.
    void look_again(Where where, const SafePath& name);

    // Makes or resumes the partial file and enters it in the catalog. Not for empty files and
    // those of one chunk. What was here counts after PartialFile::prove() only.
    // ErrorKind::no_space: not enough room; busy: another process has it; exists: a folder has the
    // name, or a file that of a folder above, unless the file may be renamed.
    Result<std::shared_ptr<PartialFile>> open_partial(const SafePath& name,
                                                      const integrity::FileId& id,
                                                      std::vector<integrity::Digest> chunk_hashes,
                                                      bool rename_on_clash = false);
    // All is held and nothing more will be written. Whether others may have written to it: then it
    // is to be proven again before finish().
    [[nodiscard]] bool must_be_proven(PartialFile& partial);
    // Complete: fsync, `final_name` for this very file (never over another), fsync of the folder.
    // `mtime_s`: seconds since 1970, if it is to have the time that its holders tell.
    // ErrorKind::changed: somebody meddled with the part.
    Status finish(const std::shared_ptr<PartialFile>& partial, const SafePath& final_name,
                  std::optional<std::int64_t> mtime_s = {});
    // Syncs and lets go of it; NAME.part stays for a resume.
    Status close_partial(const std::shared_ptr<PartialFile>& partial);
    // Removes it from the disk; who has it open may go on reading.
    void drop_partial(const std::shared_ptr<PartialFile>& partial);
    // Removes what an earlier download left as `part_path`, unless it goes on. False when that
    // is no part.
    bool remove_part(std::string_view part_path);

    // Writes all, syncs once, renames all, syncs the folders. One Status a file, in order.
    std::vector<Status> save_small(std::span<const SmallFile> files);

    // "name (1).ext", the first that is free in downloads/.
    Result<SafePath> free_name(const SafePath& taken);

    // Saves the index now.
    Status save_index();

  private:
    struct Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Size, root and chunk hashes of one file anywhere, for `shoal hash` and tests. Blocks.
Result<integrity::FileTree> hash_file(int fd, std::uint64_t size);

}  // namespace shoal::store
