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

}  // namespace shoal::store
