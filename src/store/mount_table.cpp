#include "mount_table.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <optional>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t table_max = 16 * limits::MiB;  // then it is not looked at
// Those that <linux/magic.h> does not name.
constexpr std::uint32_t fuse_magic = 0x65735546;
constexpr std::uint32_t cifs_magic = 0xFF534D42;
constexpr std::uint32_t smb2_magic = 0xFE534D42;
constexpr std::uint32_t ceph_magic = 0x00C36400;
constexpr std::uint32_t lustre_magic = 0x0BD00BD0;
constexpr std::uint32_t gfs2_magic = 0x01161970;
constexpr std::uint32_t vboxsf_magic = 0x786F4256;
constexpr std::uint32_t vmhgfs_magic = 0xBACBACBC;
constexpr std::uint32_t prl_fs_magic = 0x7C7C6673;

std::atomic<bool> all_are_mute{false};

std::string_view next_field(std::string_view& rest) {
    const std::string_view field = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), field.size() + 1));
    return field;
}

// Blanks and line ends are written as \040 and the like.
std::string unescape(std::string_view field) {
    std::string text;
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field[i] == '\\' && i + 3 < field.size() &&
            std::all_of(&field[i + 1], &field[i + 1] + 3, is_octal)) {
            text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                                      (field[i + 3] - '0'));
            i += 3;
        } else {
            text += field[i];
        }
    }
    return text;
}

std::string path_of(int fd) {
    std::array<char, PATH_MAX> path;
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
    return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

std::optional<std::string> read_all(int fd) {
    std::string text;
    std::array<char, 16 * 1024> block;
    if (::lseek(fd, 0, SEEK_SET) != 0) {
        return std::nullopt;
    }
    for (;;) {
        const ssize_t got = ::read(fd, block.data(), block.size());
        if (got == 0) {
            return text;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || text.size() > table_max) {
            return std::nullopt;
        }
        text.append(block.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

void pretend_mute(bool on) { all_are_mute = on; }

bool is_mute(int folder_fd) {
    if (all_are_mute) {
        return true;
    }
    struct statfs system {};
    if (::fstatfs(folder_fd, &system) != 0) {
        return false;
    }
    switch (static_cast<std::uint32_t>(system.f_type)) {
        case NFS_SUPER_MAGIC:
        case SMB_SUPER_MAGIC:
        case cifs_magic:
        case smb2_magic:
        case fuse_magic:
        case V9FS_MAGIC:
        case AFS_SUPER_MAGIC:
        case AFS_FS_MAGIC:
        case CODA_SUPER_MAGIC:
        case OCFS2_SUPER_MAGIC:
        case ceph_magic:
        case lustre_magic:
        case gfs2_magic:
        case vboxsf_magic:
        case vmhgfs_magic:
        case prl_fs_magic:
            return true;
        default:
            return false;
    }
}

// "36 35 98:0 /root /mount/point rw,noatime ..."
std::vector<Mount> mounts_below(std::string_view mountinfo, std::string_view root, Where where) {
    std::vector<Mount> mounts;
    const std::string below = std::string(root == "/" ? "" : root) + "/";
    while (!mountinfo.empty()) {
        std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
        mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
        const auto id = text::parse_number(next_field(line), 0, UINT64_MAX);
        next_field(line);  // the parent's id
        next_field(line);  // the device
        next_field(line);  // what of it is mounted
        const std::string point = unescape(next_field(line));
        if (id && point.starts_with(below) && SafePath::parse(point.substr(below.size()))) {
            mounts.push_back({{where, point.substr(below.size()) + "/"}, *id});
        }
    }
    std::sort(mounts.begin(), mounts.end());
    return mounts;
}

MountTable::MountTable(bool on, const char* path) {
    if (on) {
        file_ = Fd(::open(path, O_RDONLY | O_CLOEXEC));
    }
}

MountTable::News MountTable::take(int shared_fd, int downloads_fd) {
    News news;
    const auto text = file_ ? read_all(file_.get()) : std::nullopt;
    if (!text) {
        return news;
    }
    std::vector<Mount> now = mounts_below(*text, path_of(shared_fd), Where::shared);
    const auto more = mounts_below(*text, path_of(downloads_fd), Where::downloads);
    now.insert(now.end(), more.begin(), more.end());
    const auto missing = [](const std::vector<Mount>& from, const std::vector<Mount>& in) {
        std::vector<Place> places;
        for (const Mount& mount : from) {
            if (!std::binary_search(in.begin(), in.end(), mount)) {
                places.push_back(mount.place);
            }
        }
        return places;
    };
    if (std::exchange(seen_, true)) {
        news = {missing(now, mounts_), missing(mounts_, now)};
    }
    mounts_ = std::move(now);
    return news;
}

std::vector<Place> MountTable::places() const {
    std::vector<Place> places;
    std::transform(mounts_.begin(), mounts_.end(), std::back_inserter(places),
                   [](const Mount& mount) { return mount.place; });
    return places;
}

}  // namespace shoal::store
