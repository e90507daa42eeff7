// Whole reads and writes: interrupted and short calls are gone on with.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace shoal::store {

// 0 or the errno.
int write_all(int fd, std::uint64_t offset, std::span<const std::uint8_t> bytes);
// Bytes read, fewer than asked for only at the end of the file; -1 with errno.
std::int64_t read_up_to(int fd, std::uint64_t offset, std::span<std::uint8_t> out);
// The whole file; nullopt with errno, which is EFBIG when it is larger than `size_max`.
std::optional<std::vector<std::uint8_t>> read_file(int fd, std::uint64_t size_max);

// What a stamp can count, which has nanoseconds in 63 bits: 1970 to 2255.
inline constexpr std::int64_t mtime_max_s = 9'000'000'000;
// 0 or the errno; EINVAL beyond that.
int set_mtime(int fd, std::int64_t seconds);

// rename() that never replaces: EEXIST when `to` is there. 0 or the errno.
int rename_new(int from_folder, const char* from, int to_folder, const char* to);
// Which regular file of a file system it is, for good: numbers of inodes are used again. `born` is
// 0 where the file system does not tell. nullopt: there is none, or it is not a regular file.
struct FileMark {
    std::uint64_t inode{};
    std::uint64_t born{};  // nanoseconds

    friend bool operator==(const FileMark&, const FileMark&) = default;
};
std::optional<FileMark> mark_of(int folder, const char* name);
std::optional<FileMark> mark_of(int fd);

// Whether the name stands for the very regular file that `fd` is.
bool leads_to(int folder, const char* name, int fd);
// Unlinks the name, if it still stands for the file that `fd` is.
void remove_own(int folder, const char* name, int fd);
// As rename_new(), but `to` can only become the very file that `fd` is: ESTALE when `from` is not
// that file any more.
int give_name(int fd, int from_folder, const char* from, int to_folder, const char* to);
// Makes `fd`, which can be written to, one that can only be read: the same number, for whoever
// reads from it at this moment. 0 or the errno; ESTALE when the name leads elsewhere.
int reopen_read_only(int fd, int folder, const char* name);

// A lock of the whole process on a file. On a file system without locks all goes on without
// them, which is said once.
enum class Lock { held, taken, unsupported };
Lock try_lock(int fd);

}  // namespace shoal::store
