#include "index_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bytes.hpp"
#include "file_io.hpp"
#include "file_names.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::store {
namespace {

using integrity::Digest;

constexpr std::string_view magic = "SHOALI2\n";
constexpr std::string_view magic_without_mounts = "SHOALI1\n";
constexpr std::size_t mount_size_min = 1 + 2 + 2;
constexpr std::size_t entry_size_min = 5 * 8 + sizeof(Digest);
constexpr std::uint64_t index_size_max = 4 * limits::GiB;

std::uint32_t listed_hashes(std::uint64_t file_size) {
    const std::uint32_t chunks = integrity::Geometry(file_size).chunk_count();
    return chunks > 1 ? chunks : 0;
}

bool decode_entry(ByteReader& in, Contents& contents) {
    Stamp stamp;
    stamp.device = in.number<std::uint64_t>();
    stamp.inode = in.number<std::uint64_t>();
    stamp.size = in.number<std::uint64_t>();
    stamp.mtime_ns = static_cast<std::int64_t>(in.number<std::uint64_t>());
    stamp.ctime_ns = static_cast<std::int64_t>(in.number<std::uint64_t>());
    HashedContent content;
    in.copy_to(content.root.bytes);
    if (!in.ok() || stamp.size > limits::file_size_max) {
        return false;
    }
    const std::uint32_t count = listed_hashes(stamp.size);
    if (in.left() / sizeof(Digest) < count) {
        return false;
    }
    content.chunk_hashes.resize(count);
    for (Digest& hash : content.chunk_hashes) {
        in.copy_to(hash.bytes);
    }
    contents.insert_or_assign(stamp, std::move(content));
    return true;
}

bool decode_mount(ByteReader& in, std::vector<Place>& mounts) {
    const auto tree = in.number<std::uint8_t>();
    const auto prefix = in.bytes(in.number<std::uint16_t>());
    if (!in.ok() || tree > 1 || prefix.size() < 2 || prefix.back() != '/') {
        return false;
    }
    Place place{tree == 0 ? Where::shared : Where::downloads, {prefix.begin(), prefix.end()}};
    if (!SafePath::parse(std::string_view(place.prefix).substr(0, place.prefix.size() - 1))) {
        return false;
    }
    mounts.push_back(std::move(place));
    return true;
}

void encode_mount(ByteWriter& out, const Place& place) {
    out.number(static_cast<std::uint8_t>(place.where == Where::shared ? 0 : 1));
    out.number(static_cast<std::uint16_t>(place.prefix.size()));
    out.text(place.prefix);
}

void encode_entry(ByteWriter& out, const HeldFile& file) {
    out.number(file.stamp.device);
    out.number(file.stamp.inode);
    out.number(file.stamp.size);
    out.number(static_cast<std::uint64_t>(file.stamp.mtime_ns));
    out.number(static_cast<std::uint64_t>(file.stamp.ctime_ns));
    out.bytes(file.id.root.bytes);
    for (const Digest& hash : file.chunk_hashes) {
        out.bytes(hash.bytes);
    }
}

}  // namespace

std::optional<Index> decode_index(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < magic.size() + 4 + sizeof(Digest)) {
        return std::nullopt;
    }
    const auto content = bytes.first(bytes.size() - sizeof(Digest));
    const Digest check = integrity::sha256(content);
    if (!std::equal(check.bytes.begin(), check.bytes.end(), bytes.last(sizeof(Digest)).begin())) {
        return std::nullopt;
    }
    ByteReader in(content);
    const auto written = in.bytes(magic.size());
    const auto count = in.number<std::uint32_t>();
    const bool has_mounts = std::equal(written.begin(), written.end(), magic.begin());
    if ((!has_mounts &&
         !std::equal(written.begin(), written.end(), magic_without_mounts.begin())) ||
        count > in.left() / entry_size_min) {
        return std::nullopt;
    }
    Index index;
    index.contents.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!decode_entry(in, index.contents)) {
            return std::nullopt;
        }
    }
    const auto mounts = has_mounts ? in.number<std::uint32_t>() : 0;
    if (!in.ok() || mounts > in.left() / mount_size_min) {
        return std::nullopt;
    }
    for (std::uint32_t i = 0; i < mounts; ++i) {
        if (!decode_mount(in, index.mounts)) {
            return std::nullopt;
        }
    }
    return in.left() == 0 ? std::optional(std::move(index)) : std::nullopt;
}

std::vector<std::uint8_t> encode_index(const HeldFiles& files, const std::vector<Place>& mounts) {
    std::size_t size = magic.size() + 8 + sizeof(Digest);
    for (const auto& file : files) {
        size += entry_size_min + file->chunk_hashes.size() * sizeof(Digest);
    }
    ByteWriter out;
    out.reserve(size);
    out.text(magic);
    out.number(static_cast<std::uint32_t>(files.size()));
    for (const auto& file : files) {
        encode_entry(out, *file);
    }
    out.number(static_cast<std::uint32_t>(mounts.size()));
    for (const Place& mount : mounts) {
        encode_mount(out, mount);
    }
    out.bytes(integrity::sha256(out.out()).bytes);
    return out.take();
}

Result<IndexFile> IndexFile::open(const std::string& state_folder) {
    const std::string shown = "'" + text::escape(state_folder) + "'";
    if (::mkdir(state_folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return system_error("cannot make the state folder " + shown, errno);
    }
    Fd folder(::open(state_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return system_error("cannot open the state folder " + shown, errno);
    }
    Fd lock(::openat(folder.get(), std::string(file_names::index_lock).c_str(),
                     O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    if (!lock) {
        return system_error("cannot open the lock in " + shown, errno);
    }
    if (try_lock(lock.get()) == Lock::taken) {
        lock.reset();
    }
    return IndexFile(state_folder, move_above_select(std::move(folder)),
                     lock ? move_above_select(std::move(lock)) : Fd{});
}

Index IndexFile::load() const {
    const Fd fd(::openat(folder_.get(), std::string(file_names::index).c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd && errno == ENOENT) {
        return {};
    }
    const auto bytes = fd ? read_file(fd.get(), index_size_max) : std::nullopt;
    if (!bytes) {
        log::warning(system_error("cannot read the index in '" + path_ + "'", errno).message +
                     "; all files are hashed again");
        return {};
    }
    std::optional<Index> index = decode_index(*bytes);
    if (!index) {
        log::warning("the index in '" + path_ + "' is damaged; all files are hashed again");
        return {};
    }
    return std::move(*index);
}

Status IndexFile::save(const HeldFiles& files, const std::vector<Place>& mounts) const {
    if (!writable()) {
        return {};
    }
    const auto bytes = encode_index(files, mounts);
    const std::string temp(file_names::index_temp);
    const std::string index(file_names::index);
    const auto failed = [&](int why) {
        ::unlinkat(folder_.get(), temp.c_str(), 0);
        return system_error("cannot save the index in '" + text::escape(path_) + "'", why);
    };
    ::unlinkat(folder_.get(), temp.c_str(), 0);
    Fd fd(::openat(folder_.get(), temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) {
        return failed(errno);
    }
    int why = write_all(fd.get(), 0, bytes);
    if (why == 0 && ::fsync(fd.get()) != 0) {
        why = errno;
    }
    if (const int closed = close_checked(std::move(fd)); why == 0) {
        why = closed;
    }
    if (why == 0 && (::renameat(folder_.get(), temp.c_str(), folder_.get(), index.c_str()) != 0 ||
                     ::fsync(folder_.get()) != 0)) {
        why = errno;
    }
    return why == 0 ? Status{} : failed(why);
}

}  // namespace shoal::store
