#include "partial_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "file_io.hpp"
#include "file_names.hpp"
#include "journal.hpp"
#include "recheck.hpp"
#include "shoal/base/text.hpp"
#include "sync_folders.hpp"

namespace shoal::store {
namespace {

using integrity::Digest;
using integrity::FileId;

constexpr int own_file_flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

std::string quoted(std::string_view name) { return "'" + text::escape(name) + "'"; }

std::string path_in(std::string_view folder, const std::string& component) {
    return folder.empty() ? component : std::string(folder) + "/" + component;
}

// The part's name without its folder.
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool exists(int folder, const std::string& name) {
    struct stat status {};
    return ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

// Whether the name still leads to this descriptor: its owner may have finished meanwhile.
bool is_still(int fd, int folder, const std::string& name) {
    struct stat mine {
    }, named{};
    return ::fstat(fd, &mine) == 0 && S_ISREG(mine.st_mode) &&
           ::fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

std::optional<Journal> read_journal(int fd) {
    const auto bytes = read_file(fd, journal_size_max());
    return bytes ? decode_journal(*bytes) : std::nullopt;
}

}  // namespace

// A part's name that is ours to use, with its journal locked.
struct PartialStore::Claim {
    std::string part;
    Fd journal;
    std::optional<Journal> content;  // nullopt: a new journal, or one that a crash left unreadable
    bool is_new{false};
};

// False: the name is somebody else's.
Result<bool> PartialStore::claim_part(int folder, const std::string& part, const FileId& id,
                                      Claim& claim) const {
    const std::string journal = file_names::journal(part);
    for (int attempt = 0; attempt < 4; ++attempt) {
        claim.is_new = !exists(folder, journal);
        if (claim.is_new && exists(folder, part)) {
            return false;
        }
        const int create = claim.is_new ? O_CREAT | O_EXCL : 0;
        Fd fd(::openat(folder, journal.c_str(), own_file_flags | create, 0600));
        if (!fd && (errno == EEXIST || errno == ENOENT)) {
            continue;
        }
        if (!fd) {
            return system_error("cannot open the journal " + quoted(journal), errno);
        }
        const bool locked = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
        if (locked && !is_still(fd.get(), folder, journal)) {
            continue;
        }
        claim.content = read_journal(fd.get());
        if (claim.content && claim.content->id != id) {
            return false;
        }
        if (!locked) {
            return Error{ErrorKind::busy, "another process is downloading " + quoted(part) +
                                              " in " + quoted(root_->path())};
        }
        claim.part = part;
        claim.journal = move_above_select(std::move(fd));
        return true;
    }
    return Error{ErrorKind::busy, "another process keeps changing " + quoted(journal)};
}

Result<PartialStore::Claim> PartialStore::claim(int folder, const SafePath& name,
                                                const FileId& id) const {
    Claim claim;
    for (const std::string& part : {file_names::part(name.name(), id.root),
                                    file_names::part_of_version(name.name(), id.root)}) {
        const Result<bool> ours = claim_part(folder, part, id, claim);
        if (!ours) {
            return ours.error();
        }
        if (*ours) {
            return claim;
        }
    }
    return Error{ErrorKind::exists, "the names for the partial file of " + quoted(name.text()) +
                                        " are taken in " + quoted(root_->path()) +
                                        "; move the .part files away"};
}

Status PartialStore::check_space(const PartialFile& partial, std::uint64_t there) const {
    const Result<std::uint64_t> space = root_->free_space();
    if (!space) {
        return space.error();
    }
    const std::uint64_t wanted = partial.id_.size - std::min(there, partial.id_.size);
    if (*space >= wanted) {
        return {};
    }
    return Error{ErrorKind::no_space, "not enough room for " + quoted(partial.name_.text()) +
                                          ": it needs " + text::size(wanted) + ", and " +
                                          quoted(root_->path()) + " has " + text::size(*space) +
                                          " free"};
}

// The part, of its full length, holes where nothing was written. What the journal says counts
// only if the part is as it was left.
Status PartialStore::open_data(int folder, Claim& claim, PartialFile& partial) const {
    partial.data_ = Fd(::openat(folder, claim.part.c_str(), own_file_flags | O_CREAT, 0600));
    struct stat status {};
    if (!partial.data_ || ::fstat(partial.data_.get(), &status) != 0) {
        return system_error("cannot open " + quoted(partial.part_path_), errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorKind::forbidden, quoted(partial.part_path_) + " is not a regular file"};
    }
    partial.data_ = move_above_select(std::move(partial.data_));
    if (Status enough = check_space(partial, static_cast<std::uint64_t>(status.st_blocks) * 512);
        !enough) {
        return enough;
    }
    if (static_cast<std::uint64_t>(status.st_size) == partial.id_.size) {
        return {};
    }
    claim.content.reset();
    if (::ftruncate(partial.data_.get(), static_cast<off_t>(partial.id_.size)) != 0) {
        return system_error("cannot set the size of " + quoted(partial.part_path_), errno);
    }
    return {};
}

Status PartialStore::start_journal(PartialFile& partial) {
    const auto head = encode_journal_head(partial.name_, partial.id_, partial.hashes_);
    int why = ::ftruncate(partial.journal_.get(), 0) == 0 ? 0 : errno;
    if (why == 0) {
        why = write_all(partial.journal_.get(), 0, head);
    }
    if (why != 0) {
        return system_error("cannot write the journal of " + quoted(partial.part_path_), why);
    }
    return {};
}

void PartialStore::forget_files(int folder, const std::string& part) {
    ::unlinkat(folder, part.c_str(), 0);
    ::unlinkat(folder, file_names::journal(part).c_str(), 0);
}

Result<PartialStore::Opened> PartialStore::open(const SafePath& name, const FileId& id,
                                                std::vector<Digest> chunk_hashes) const {
    const integrity::Geometry geometry(std::min(id.size, limits::file_size_max));
    if (id.size > limits::file_size_max || geometry.chunk_count() < 2 ||
        chunk_hashes.size() != geometry.chunk_count() || file_names::is_journal(name.name())) {
        return Error{ErrorKind::bad_input, quoted(name.text()) +
                                               " cannot be downloaded in chunks: its size, list "
                                               "of chunk hashes or name is not acceptable"};
    }
    Result<Fd> folder = root_->open_folder_of(name, true);
    if (!folder) {
        return folder.error();
    }
    Result<Claim> claimed = claim(folder->get(), name, id);
    if (!claimed) {
        return claimed.error();
    }
    Opened partial(new PartialFile(name, id));
    partial->part_path_ = path_in(name.folder(), claimed->part);
    partial->hashes_ = std::move(chunk_hashes);
    partial->journal_ = std::move(claimed->journal);
    Status ready = open_data(folder->get(), *claimed, *partial);
    if (ready && !claimed->content) {
        ready = start_journal(*partial);
    }
    if (!ready) {
        if (claimed->is_new) {
            forget_files(folder->get(), claimed->part);
        }
        return ready.error();
    }
    partial->journal_head_size_ = encode_journal_head(partial->name_, id, partial->hashes_).size();
    partial->progress_.lock()->held = Bitmap(geometry.chunk_count());
    if (claimed->content) {
        partial->journal_records_ = claimed->content->records;
        partial->progress_.lock()->held = std::move(claimed->content->held);
    }
    partial->folder_ = move_above_select(std::move(*folder));
    recheck(*partial);
    return partial;
}

// Takes the journaled chunks as they are, and of the others those whose data is right.
void PartialStore::recheck(PartialFile& partial) {
    Resumed& resumed = partial.resumed_;
    const Bitmap held = partial.held();
    for (ChunkIndex chunk{}; chunk.value < held.size(); ++chunk) {
        if (held.test(chunk.value)) {
            resumed.kept_bytes += partial.geometry_.chunk_length(chunk);
        }
    }
    std::vector<std::uint8_t> scratch;
    for (const ChunkIndex chunk : chunks_with_data(partial.data_.get(), partial.geometry_)) {
        if (held.test(chunk.value)) {
            continue;
        }
        const std::uint32_t length = partial.geometry_.chunk_length(chunk);
        resumed.rechecked_bytes += length;
        const LeafRun leaves{partial.geometry_.first_leaf(chunk),
                             partial.geometry_.leaves_in(chunk)};
        const auto digests = partial.hash_leaves(leaves, scratch);
        if (digests &&
            integrity::chunk_hash(*digests, partial.geometry_) == partial.hashes_[chunk.value]) {
            partial.mark_verified(chunk);
        } else {
            resumed.lost_bytes += length;
        }
    }
}

Result<PartialStore::Opened> PartialStore::load(const SafePath& journal_path) const {
    const std::string part(file_names::part_of_journal(journal_path.name()));
    const auto nothing = [&](const char* why) {
        return Error{ErrorKind::not_found, quoted(journal_path.text()) + " " + why};
    };
    Result<Fd> journal = root_->open_file(journal_path);
    if (!journal) {
        return journal.error();
    }
    std::optional<Journal> content = read_journal(journal->get());
    if (!content) {
        return nothing("is damaged; the download it belongs to will be checked when resumed");
    }
    const FileId id = content->id;
    const std::string_view name = content->name.name();
    if (content->name.folder() != journal_path.folder() ||
        (part != file_names::part(name, id.root) &&
         part != file_names::part_of_version(name, id.root))) {
        return nothing("belongs to another name");
    }
    const auto part_path = SafePath::parse(path_in(journal_path.folder(), part));
    if (!part_path) {
        return part_path.error();
    }
    Stamp stamp;
    Result<Fd> data = root_->open_file(*part_path, &stamp);
    if (!data || stamp.size != id.size || content->held.count() == 0) {
        return nothing("tells of no data");
    }
    Opened partial(new PartialFile(content->name, id));
    partial->part_path_ = part_path->text();
    partial->hashes_ = std::move(content->chunk_hashes);
    partial->data_ = move_above_select(std::move(*data));
    partial->progress_.lock()->held = std::move(content->held);
    return partial;
}

Result<Stamp> PartialStore::finish(PartialFile& partial, const SafePath& final_name,
                                   std::optional<std::int64_t> mtime_s) const {
    if (!is_open(partial) || partial.held_count() != partial.geometry_.chunk_count()) {
        return Error{ErrorKind::bad_input, quoted(partial.part_path_) + " is not complete"};
    }
    if (Status synced = partial.sync(); !synced) {
        return synced.error();
    }
    if (mtime_s) {
        (void)set_mtime(partial.data_.get(), *mtime_s);  // what others say may not fit
    }
    if (::fchmod(partial.data_.get(), file_mode_) != 0 || ::fsync(partial.data_.get()) != 0) {
        return system_error("cannot finish " + quoted(partial.part_path_), errno);
    }
    Result<Fd> from = root_->open_folder_of(partial.name_, false);
    Result<Fd> to = root_->open_folder_of(final_name, true);
    if (!from || !to) {
        return from ? to.error() : from.error();
    }
    const std::string part = last_of(partial.part_path_);
    const std::string name(final_name.name());
    if (const int why = rename_new(from->get(), part.c_str(), to->get(), name.c_str()); why != 0) {
        return system_error(
            "cannot rename " + quoted(partial.part_path_) + " to " + quoted(final_name.text()),
            why);
    }
    if (Status synced = sync_folders(*root_, {final_name.folder(), partial.name_.folder()});
        !synced) {
        // Whether the new name lasts is not known: take it back, the data stays resumable.
        (void)rename_new(to->get(), name.c_str(), from->get(), part.c_str());
        return synced.error();
    }
    ::unlinkat(from->get(), file_names::journal(part).c_str(), 0);
    partial.journal_.reset();
    struct stat status {};
    if (::fstat(partial.data_.get(), &status) != 0) {
        return system_error("cannot look at " + quoted(final_name.text()), errno);
    }
    return Stamp::of(status);
}

Status PartialStore::close(PartialFile& partial) const {
    const Status synced = partial.sync();
    if (partial.held_count() == 0) {
        drop(partial);
    }
    partial.journal_.reset();
    return synced;
}

std::shared_ptr<PartialFile> PartialStore::resting(const PartialFile& partial) {
    Opened rest(new PartialFile(partial.name_, partial.id_));
    rest->part_path_ = partial.part_path_;
    rest->hashes_ = partial.hashes_;
    rest->resumed_ = partial.resumed_;
    rest->progress_.lock()->held = partial.held();
    return rest;
}

bool PartialStore::remove(const PartialFile& partial) const {
    const Result<Fd> folder = root_->open_folder_of(partial.name_, false);
    if (is_open(partial) || !folder) {
        return false;
    }
    const std::string part = last_of(partial.part_path_);
    const Fd journal(::openat(folder->get(), file_names::journal(part).c_str(), own_file_flags));
    if (!journal || ::flock(journal.get(), LOCK_EX | LOCK_NB) != 0) {
        return false;
    }
    forget_files(folder->get(), part);
    return true;
}

void PartialStore::drop(PartialFile& partial) const {
    if (!is_open(partial)) {
        return;
    }
    if (const Result<Fd> folder = root_->open_folder_of(partial.name_, false)) {
        forget_files(folder->get(), last_of(partial.part_path_));
    }
    partial.journal_.reset();
}

}  // namespace shoal::store
