#include "partial_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "file_io.hpp"
#include "file_names.hpp"
#include "journal.hpp"
#include "recheck.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/draft_file.hpp"
#include "sync_folders.hpp"

namespace shoal::store {
namespace {

using integrity::Digest;
using integrity::FileId;

constexpr int own_file_flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

constexpr unsigned part_names_max = 16;  // that are tried

std::string quoted(std::string_view name) { return "'" + text::escape(name) + "'"; }

std::string path_in(std::string_view folder, const std::string& component) {
    return folder.empty() ? component : std::string(folder) + "/" + component;
}

// The part's name without its folder.

bool exists(int folder, const std::string& name) {
    struct stat status {};
    return ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<Journal> read_journal(int fd) {
    const auto bytes = read_file(fd, journal_size_max());
    return bytes ? decode_journal(*bytes) : std::nullopt;
}

// Of a journal that was written for the file it is in; nullopt: it is somebody else's, or a copy.
std::optional<JournalOwner> owner_of(int journal) {
    std::array<std::uint8_t, journal_owner_size> bytes{};
    const auto mark = mark_of(journal);
    if (!mark || read_up_to(journal, 0, bytes) != static_cast<std::int64_t>(bytes.size())) {
        return std::nullopt;
    }
    const auto owner = decode_journal_owner(bytes);
    return owner && owner->journal == *mark ? owner : std::nullopt;
}

// 0 or the errno.
int write_head(int journal, int data, const SafePath& name, const FileId& id,
               std::span<const integrity::Digest> chunk_hashes) {
    const JournalOwner owner{mark_of(journal).value_or(FileMark{}),
                             mark_of(data).value_or(FileMark{})};
    return write_all(journal, 0, encode_journal_head(owner, name, id, chunk_hashes));
}

std::string part_name(const SafePath& name, const FileId& id, unsigned attempt) {
    return attempt == 0 ? file_names::part(name.name(), id.root)
                        : file_names::part_of_version(name.name(), id.root, attempt);
}

}  // namespace

// A part's name that is ours to use, with its part open and its journal locked.
struct PartialStore::Claim {
    std::string part;
    Fd journal;
    Fd data;
    std::uint64_t blocks{};          // bytes of the part that are on the disk
    std::optional<Journal> content;  // nullopt: a new one, or one that is damaged
    Fd source;                       // a copy of an earlier part that is not ours to change
    Bitmap source_held;
    bool is_new{false};
};

// A name is ours when its journal says so of itself and of the part. False: it is not.
Result<bool> PartialStore::claim_part(int folder, const Order& order, const std::string& part,
                                      Claim& claim) const {
    const std::string journal_name = file_names::journal(part);
    for (int attempt = 0; attempt < 4; ++attempt) {
        Fd journal(::openat(folder, journal_name.c_str(), own_file_flags));
        if (!journal && errno == ENOENT) {
            if (exists(folder, part)) {
                return false;
            }
            const Status made = make_part(folder, order, part, claim);
            if (!made && made.error().kind == ErrorKind::exists) {
                continue;
            }
            return made ? Result<bool>(true) : made.error();
        }
        if (!journal) {
            return false;
        }
        const auto owner = owner_of(journal.get());
        if (!owner) {
            look_for_source(folder, order, part, journal.get(), claim);
            return false;
        }
        const Lock lock = try_lock(journal.get());
        if (!leads_to(folder, journal_name.c_str(), journal.get())) {
            continue;
        }
        std::optional<Journal> content = read_journal(journal.get());
        if (content && content->id != order.id) {
            return false;
        }
        if (lock == Lock::taken) {
            return Error{ErrorKind::busy, "another process is downloading " + quoted(part) +
                                              " in " + quoted(root_->path())};
        }
        Fd data(::openat(folder, part.c_str(), own_file_flags));
        struct stat status {};
        const bool is_part =
            data && ::fstat(data.get(), &status) == 0 && mark_of(data.get()) == owner->part;
        if (!is_part || status.st_nlink > 1) {
            // The part went away, or a crash came between its final name and the end of this one.
            if (is_part) {
                remove_own(folder, part.c_str(), data.get());
            }
            remove_own(folder, journal_name.c_str(), journal.get());
            continue;
        }
        claim.part = part;
        claim.journal = move_above_select(std::move(journal));
        claim.data = move_above_select(std::move(data));
        claim.blocks = static_cast<std::uint64_t>(status.st_blocks) * 512;
        claim.content = std::move(content);
        return true;
    }
    return Error{ErrorKind::busy, "another process keeps changing " + quoted(journal_name)};
}

// A pair that was copied here, from another disk or a backup: what it holds is of use.
void PartialStore::look_for_source(int folder, const Order& order, const std::string& part,
                                   int journal, Claim& claim) {
    struct stat status {};
    std::optional<Journal> content;
    if (::fstat(journal, &status) == 0 && S_ISREG(status.st_mode)) {
        content = read_journal(journal);
    }
    Fd data(
        ::openat(folder, part.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (claim.source || !content || content->id != order.id || !data ||
        ::fstat(data.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        static_cast<std::uint64_t>(status.st_size) != order.id.size) {
        return;
    }
    claim.source = move_above_select(std::move(data));
    claim.source_held = std::move(content->held);
}

// Both files are whole before they have their names. ErrorKind::exists: one is taken by now.
Status PartialStore::make_part(int folder, const Order& order, const std::string& part,
                               Claim& claim) const {
    if (Status enough = check_space(order.name, order.id, 0); !enough) {
        return enough;
    }
    const auto failed = [&](int why) {
        return system_error("cannot make " + quoted(path_in(order.name.folder(), part)) + " in " +
                                quoted(root_->path()),
                            why);
    };
    DraftFile data;
    DraftFile journal;
    int why = data.make(folder);
    why = why == 0 ? journal.make(folder) : why;
    if (why == 0 && ::ftruncate(data.fd(), static_cast<off_t>(order.id.size)) != 0) {
        why = errno;
    }
    if (why == 0) {
        why = write_head(journal.fd(), data.fd(), order.name, order.id, order.chunk_hashes);
    }
    const std::string journal_name = file_names::journal(part);
    why = why == 0 ? journal.become(folder, journal_name.c_str()) : why;
    if (why != 0) {
        return failed(why);
    }
    why = data.become(folder, part.c_str());
    if (why != 0) {
        remove_own(folder, journal_name.c_str(), journal.fd());
        return failed(why);
    }
    claim.part = part;
    claim.journal = journal.take_fd();
    claim.data = data.take_fd();
    claim.is_new = true;
    return {};
}

Result<PartialStore::Claim> PartialStore::claim(int folder, const Order& order) const {
    Claim claim;
    for (unsigned attempt = 0; attempt < part_names_max; ++attempt) {
        const Result<bool> ours =
            claim_part(folder, order, part_name(order.name, order.id, attempt), claim);
        if (!ours) {
            return ours.error();
        }
        if (*ours) {
            return claim;
        }
    }
    return Error{ErrorKind::exists, "the names for the partial file of " +
                                        quoted(order.name.text()) + " are taken in " +
                                        quoted(root_->path()) + "; move the .part files away"};
}

Status PartialStore::check_space(const SafePath& name, const FileId& id,
                                 std::uint64_t there) const {
    const Result<std::uint64_t> space = root_->free_space();
    if (!space) {
        return space.error();
    }
    const std::uint64_t wanted = id.size - std::min(there, id.size);
    if (*space >= wanted) {
        return {};
    }
    return Error{ErrorKind::no_space, "not enough room for " + quoted(name.text()) + ": it needs " +
                                          text::size(wanted) + ", and " + quoted(root_->path()) +
                                          " has " + text::size(*space) + " free"};
}

// What would be in the way at the very end. A regular file may still be the same content.
Status PartialStore::check_place(int folder, const SafePath& name) const {
    struct stat status {};
    if (::fstatat(folder, std::string(name.name()).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        S_ISREG(status.st_mode)) {
        return {};
    }
    return Error{ErrorKind::exists,
                 quoted(name.text()) + " in " + quoted(root_->path()) + " is " +
                     (S_ISDIR(status.st_mode) ? "a folder" : "not a regular file") +
                     "; move it away, or --rename saves under a free name"};
}

// Of its full length again, with what was left to be proven.
Status PartialStore::resume(PartialFile& partial, Claim& claim) const {
    struct stat status {};
    if (::fstat(partial.data_.get(), &status) != 0) {
        return system_error("cannot look at " + quoted(partial.part_path()), errno);
    }
    if (!claim.is_new) {
        if (Status enough = check_space(partial.name_, partial.id_, claim.blocks); !enough) {
            return enough;
        }
    }
    if (static_cast<std::uint64_t>(status.st_size) != partial.id_.size &&
        ::ftruncate(partial.data_.get(), static_cast<off_t>(partial.id_.size)) != 0) {
        return system_error("cannot set the size of " + quoted(partial.part_path()), errno);
    }
    const auto head = encode_journal_head({}, partial.name_, partial.id_, partial.hashes_);
    partial.journal_head_size_ = head.size();
    if (claim.content) {
        partial.journal_records_ = claim.content->records;
    } else if (!claim.is_new) {
        return start_journal(partial);
    }
    return {};
}

// Of a journal that is ours and damaged.
Status PartialStore::start_journal(PartialFile& partial) {
    int why = ::ftruncate(partial.journal_.get(), 0) == 0 ? 0 : errno;
    if (why == 0) {
        why = write_head(partial.journal_.get(), partial.data_.get(), partial.name_, partial.id_,
                         partial.hashes_);
    }
    if (why != 0) {
        return system_error("cannot write the journal of " + quoted(partial.part_path()), why);
    }
    return {};
}

Result<PartialStore::Opened> PartialStore::open(Order order, bool rename_on_clash) const {
    const integrity::Geometry geometry(std::min(order.id.size, limits::file_size_max));
    if (order.id.size > limits::file_size_max || geometry.chunk_count() < 2 ||
        order.chunk_hashes.size() != geometry.chunk_count()) {
        return Error{ErrorKind::bad_input, quoted(order.name.text()) +
                                               " cannot be downloaded in chunks: its size or list "
                                               "of chunk hashes is not acceptable"};
    }
    if (Status in_place = root_->check_in_place(); !in_place) {
        return in_place.error();
    }
    Result<Fd> folder = root_->open_folder_of(order.name, true);
    if (!folder) {
        return folder.error();
    }
    if (!rename_on_clash) {
        if (Status free = check_place(folder->get(), order.name); !free) {
            return free.error();
        }
    }
    Result<Claim> claimed = claim(folder->get(), order);
    if (!claimed) {
        return claimed.error();
    }
    Opened partial(new PartialFile(*root_, order.name, order.id));
    partial->set_place(path_in(order.name.folder(), claimed->part));
    partial->hashes_ = std::move(order.chunk_hashes);
    partial->journal_ = std::move(claimed->journal);
    partial->data_ = std::move(claimed->data);
    partial->folder_ = move_above_select(std::move(*folder));
    if (Status ready = resume(*partial, *claimed); !ready) {
        return ready.error();
    }
    partial->progress_.lock()->held = Bitmap(geometry.chunk_count());
    plan_proof(*partial, *claimed);
    return partial;
}

// Journaled chunks and all others that have data.
void PartialStore::plan_proof(PartialFile& partial, Claim& claim) {
    PartialFile::Proof& proof = partial.proof_;
    const int data = claim.source && claim.is_new ? claim.source.get() : partial.data_.get();
    proof.journaled = claim.is_new ? std::move(claim.source_held)
                                   : (claim.content ? std::move(claim.content->held) : Bitmap());
    if (proof.journaled.size() == 0) {
        proof.journaled = Bitmap(partial.geometry_.chunk_count());
    }
    Bitmap wanted = proof.journaled;
    if (!claim.is_new || claim.source) {
        for (const ChunkIndex chunk : chunks_with_data(data, partial.geometry_)) {
            wanted.set(chunk.value);
        }
    }
    proof.chunks = chunks_in(wanted);
    proof.source = claim.is_new ? std::move(claim.source) : Fd();
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
    if (!content || content->owner.journal != mark_of(journal->get())) {
        return nothing("is damaged; the download it belongs to will be checked when resumed");
    }
    const auto part_path = SafePath::parse(path_in(journal_path.folder(), part));
    if (!part_path || content->name.folder() != journal_path.folder()) {
        return nothing("belongs to another name");
    }
    Stamp stamp;
    Result<Fd> data = root_->open_file(*part_path, &stamp);
    if (!data || mark_of(data->get()) != content->owner.part || stamp.size != content->id.size ||
        content->held.count() == 0) {
        return nothing("tells of no data");
    }
    if (end_naming(*part_path, data->get(), journal->get())) {
        return nothing("is what a crash left of a finished download");
    }
    Opened partial(new PartialFile(*root_, content->name, content->id));
    partial->set_place(part_path->text());
    partial->hashes_ = std::move(content->chunk_hashes);
    partial->data_ = move_above_select(std::move(*data));
    partial->progress_.lock()->held = std::move(content->held);
    partial->begin_proving_held();
    partial->progress_.lock()->held = Bitmap(partial->geometry_.chunk_count());
    return partial;
}

// A crash came when the file had its final name, and the part's name was not gone yet.
bool PartialStore::end_naming(const SafePath& part, int data, int journal) const {
    struct stat status {};
    const Result<Fd> folder = root_->open_folder_of(part, false);
    if (!folder || ::fstat(data, &status) != 0 || status.st_nlink < 2 ||
        try_lock(journal) == Lock::taken) {
        return false;
    }
    const std::string name(part.name());
    remove_own(folder->get(), name.c_str(), data);
    remove_own(folder->get(), file_names::journal(name).c_str(), journal);
    return true;
}

// What the journal says of itself and, if that is asked, of the part beside it.
bool PartialStore::owns(int folder, const std::string& name) {
    const bool is_journal = file_names::is_journal(name);
    if (!is_journal && !file_names::is_part(name)) {
        return false;
    }
    const std::string journal_name = is_journal ? name : file_names::journal(name);
    const Fd journal(::openat(folder, journal_name.c_str(),
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    const auto owner = journal ? owner_of(journal.get()) : std::nullopt;
    return owner && (is_journal || mark_of(folder, name.c_str()) == owner->part);
}

// Making way -----------------------------------------------------------------------------------

// To the first of its other names that is free; both files have both names for a moment, so that
// a crash leaves one whole pair.
int PartialStore::move_pair(int folder, const SafePath& name, const FileId& id, std::string& part,
                            int data, int journal) {
    const std::string old = part;
    for (unsigned attempt = 1; attempt < part_names_max; ++attempt) {
        const std::string other = part_name(name, id, attempt);
        if (exists(folder, other) || exists(folder, file_names::journal(other))) {
            continue;
        }
        int why = give_name(journal, folder, file_names::journal(old).c_str(), folder,
                            file_names::journal(other).c_str());
        why = why == 0 ? give_name(data, folder, old.c_str(), folder, other.c_str()) : why;
        if (why == 0) {
            part = other;
        }
        return why;
    }
    return EEXIST;
}

Status PartialStore::make_way(PartialFile& partial) const {
    const int why = partial.progress_.with([&](PartialFile::Progress& progress) {
        std::string part = file_names::last_of(progress.part_path);
        const int moved = move_pair(partial.folder_.get(), partial.name_, partial.id_, part,
                                    partial.data_.get(), partial.journal_.get());
        progress.part_path = path_in(partial.name_.folder(), part);
        return moved;
    });
    if (why != 0) {
        return system_error("cannot move " + quoted(partial.part_path()) + " out of the way", why);
    }
    return {};
}

Status PartialStore::make_way(const SafePath& name) const {
    const std::string last(name.name());
    const Result<Fd> folder = root_->open_folder_of(name, false);
    if (!folder || !owns(folder->get(), last)) {
        return {};
    }
    std::string part =
        file_names::is_journal(last) ? std::string(file_names::part_of_journal(last)) : last;
    const Fd journal(::openat(folder->get(), file_names::journal(part).c_str(), own_file_flags));
    const Fd data(::openat(folder->get(), part.c_str(), own_file_flags));
    const auto content = journal ? read_journal(journal.get()) : std::nullopt;
    if (!content) {
        return {};
    }
    if (try_lock(journal.get()) == Lock::taken) {
        return Error{ErrorKind::busy,
                     "another process uses the name " + quoted(name.text()) + " in " +
                         quoted(root_->path()) + " for the unfinished part of " +
                         quoted(content->name.text()) + "; get it again when that is done"};
    }
    if (!data || !owns(folder->get(), part)) {
        remove_own(folder->get(), file_names::journal(part).c_str(), journal.get());
        return {};
    }
    if (const int why =
            move_pair(folder->get(), content->name, content->id, part, data.get(), journal.get());
        why != 0) {
        return system_error("cannot move " + quoted(name.text()) + " out of the way", why);
    }
    return {};
}

// The end --------------------------------------------------------------------------------------

Result<Stamp> PartialStore::finish(PartialFile& partial, const SafePath& final_name,
                                   std::optional<std::int64_t> mtime_s) const {
    if (!is_open(partial) || partial.held_count() != partial.geometry_.chunk_count()) {
        return Error{ErrorKind::bad_input, quoted(partial.part_path()) + " is not complete"};
    }
    if (Status synced = partial.sync(); !synced) {
        return synced.error();
    }
    if (Status in_place = partial.check(); !in_place) {
        return in_place.error();
    }
    const int data = partial.data_.get();
    if (mtime_s) {
        (void)set_mtime(data, *mtime_s);  // what others say may not fit
    }
    if (::fchmod(data, file_mode_) != 0 || ::fsync(data) != 0) {
        return system_error("cannot finish " + quoted(partial.part_path()), errno);
    }
    Result<Fd> to = root_->open_folder_of(final_name, true);
    if (!to) {
        return to.error();
    }
    const int from = partial.folder_.get();
    const std::string part = file_names::last_of(partial.part_path());
    const std::string name(final_name.name());
    if (const int why = give_name(data, from, part.c_str(), to->get(), name.c_str()); why != 0) {
        return why == ESTALE
                   ? Error{ErrorKind::changed, quoted(partial.part_path()) +
                                                   " was moved away or replaced by another program"}
                   : system_error("cannot rename " + quoted(partial.part_path()) + " to " +
                                      quoted(final_name.text()),
                                  why);
    }
    if (Status synced = sync_folders(*root_, {final_name.folder(), partial.name_.folder()});
        !synced) {
        // Whether the new name lasts is not known: take it back, the data stays resumable.
        (void)give_name(data, to->get(), name.c_str(), from, part.c_str());
        return synced.error();
    }
    remove_own(from, file_names::journal(part).c_str(), partial.journal_.get());
    partial.journal_.reset();
    struct stat status {};
    if (::fstat(data, &status) != 0) {
        return system_error("cannot look at " + quoted(final_name.text()), errno);
    }
    return Stamp::of(status);
}

Status PartialStore::close(PartialFile& partial) const {
    const Status synced = partial.sync();
    // What is not proven yet may be of use.
    if (is_open(partial) && partial.held_count() == 0 && partial.proven() >= 1) {
        drop(partial);
    }
    partial.journal_.reset();
    return synced;
}

std::shared_ptr<PartialFile> PartialStore::resting(const PartialFile& partial) {
    Opened rest(new PartialFile(*partial.root_, partial.name_, partial.id_));
    rest->set_place(partial.part_path());
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
    const std::string part = file_names::last_of(partial.part_path());
    const Fd journal(::openat(folder->get(), file_names::journal(part).c_str(), own_file_flags));
    const auto owner = journal ? owner_of(journal.get()) : std::nullopt;
    if (!owner || try_lock(journal.get()) == Lock::taken) {
        return false;
    }
    if (mark_of(folder->get(), part.c_str()) == owner->part) {
        ::unlinkat(folder->get(), part.c_str(), 0);
    }
    remove_own(folder->get(), file_names::journal(part).c_str(), journal.get());
    return true;
}

void PartialStore::drop(PartialFile& partial) const {
    if (!is_open(partial)) {
        (void)remove(partial);
        return;
    }
    const std::string part = file_names::last_of(partial.part_path());
    remove_own(partial.folder_.get(), part.c_str(), partial.data_.get());
    remove_own(partial.folder_.get(), file_names::journal(part).c_str(), partial.journal_.get());
    partial.journal_.reset();
}

}  // namespace shoal::store
